"""What the tests of the client share; clients are made and driven here, bytes are served by the testkit."""

"""What the served versions of openapi.yaml allow: operations, validation and models."""

"""The suite's HTTP client, its records of exchanges and its spend limit."""

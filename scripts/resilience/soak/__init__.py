"""Clients kept busy for half an hour, and whether memory, descriptors, sockets and threads stay level."""

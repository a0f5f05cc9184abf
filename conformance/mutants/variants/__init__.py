"""Planted faults and legal variations, a module for each subject."""

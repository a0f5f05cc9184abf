"""Prices, charges, holds and receipts in exact arithmetic."""

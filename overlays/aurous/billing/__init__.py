"""What calls cost: receipts, the ledger and budgets."""

"""What must hold for every exchange of a run, whichever rule sent it: headers, frames, completions, receipts."""

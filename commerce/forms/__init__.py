"""What people type on the buyer's pages. Rules are the operations'; forms only read what was typed."""

"""What rules would decide, read from their text alone, where no kernel can be asked."""

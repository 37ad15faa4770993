"""What measures the product, each thing beside a peer in the same run; not installed with it."""

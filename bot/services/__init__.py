"""What commands and deliveries use: values in, values out, no text."""

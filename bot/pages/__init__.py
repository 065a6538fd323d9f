"""The pages: what is live, sessions and records, for anybody with a browser."""

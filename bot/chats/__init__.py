"""Where people are: a package a platform. Nothing else imports their libraries."""

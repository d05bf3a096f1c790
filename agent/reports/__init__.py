"""What happened, as data with a versioned dictionary form, and its text, JSON, JUnit and HTML."""

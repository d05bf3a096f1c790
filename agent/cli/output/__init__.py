"""Reports and events to text."""

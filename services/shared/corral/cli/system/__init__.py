"""The system itself: started, set up, migrated, looked into."""

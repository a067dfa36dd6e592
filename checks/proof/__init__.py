"""What the capstone claims, the changes that would break it, and what sees them first."""

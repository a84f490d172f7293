"""What redflow does when something breaks: one test or more for each row of docs/faults.md."""

"""What the API answers: structs for each resource, and how they are made of what clients say."""

"""Several customers on one redflow: who may see, start and change which workflow."""

"""What is drawn: stories, gallery, panels, comparison, preview, measure, figures of the method."""

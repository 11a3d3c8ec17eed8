"""What somebody asks, who must agree, and what each said."""

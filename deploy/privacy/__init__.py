"""What is held on a person: found, shown, removed, searched for."""

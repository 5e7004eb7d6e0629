"""The pages of `camaudit vqa`."""

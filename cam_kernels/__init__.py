"""Class activation kernels: tensors in, tensors out. They know torch and nothing else."""

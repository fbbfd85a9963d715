"""int8 and int4 files: ranges, explicit Q/DQ, what each layer costs."""

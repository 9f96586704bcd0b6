"""What the doctor looks at, by where a cure would act: the machine, this clone, services."""

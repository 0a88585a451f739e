module paths

go 1.19

module tracekit.example/cache

go 1.19

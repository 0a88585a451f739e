package main

//go:noinline
func take(s string, b []byte, m map[string]int, e error, f float64) (int, error) { println(len(s), len(b), m[s], f); return len(s), e }

func main() { take("x", nil, nil, nil, 1) }

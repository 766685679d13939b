// Decompresses a gzip file in memory, and prints the bytes and the nanoseconds of CPU time it took.
package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"syscall"
)

func cpuTime() int64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return usage.Utime.Nano() + usage.Stime.Nano()
}

func main() {
	file, err := os.ReadFile(os.Args[1])
	if err != nil {
		panic(err)
	}
	start := cpuTime()
	reader, err := gzip.NewReader(bytes.NewReader(file))
	if err != nil {
		panic(err)
	}
	size, err := io.Copy(io.Discard, reader)
	if err != nil {
		panic(err)
	}
	fmt.Println(size, cpuTime()-start)
}

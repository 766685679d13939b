// Compresses standard input to standard output, as programs written in Go do it:
//
//	compress gzip|gzip-flush|klauspost|pgzip|pgzip-umoci LEVEL
package main

import (
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"strconv"

	klauspost "github.com/klauspost/compress/gzip"
	"github.com/klauspost/pgzip"
)

// flusher also flushes, after each piece of its input: that makes empty stored blocks.
type flusher struct {
	*gzip.Writer
}

func (f flusher) Write(piece []byte) (int, error) {
	n, err := f.Writer.Write(piece)
	if err != nil {
		return n, err
	}
	return n, f.Flush()
}

func open(kind string, level int) (io.WriteCloser, error) {
	switch kind {
	case "gzip":
		return gzip.NewWriterLevel(os.Stdout, level)
	case "gzip-flush":
		w, err := gzip.NewWriterLevel(os.Stdout, level)
		return flusher{w}, err
	case "klauspost":
		return klauspost.NewWriterLevel(os.Stdout, level)
	case "pgzip":
		return pgzip.NewWriterLevel(os.Stdout, level)
	case "pgzip-umoci":
		w, err := pgzip.NewWriterLevel(os.Stdout, level)
		if err != nil {
			return nil, err
		}
		return w, w.SetConcurrency(256<<10, 4)
	}
	return nil, fmt.Errorf("unknown compressor %q", kind)
}

func run(kind, level string) error {
	number, err := strconv.Atoi(level)
	if err != nil {
		return err
	}
	w, err := open(kind, number)
	if err != nil {
		return err
	}
	// Hides that standard input can write itself, so that pieces have one size.
	if _, err := io.Copy(w, struct{ io.Reader }{os.Stdin}); err != nil {
		return err
	}
	return w.Close()
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: compress gzip|gzip-flush|klauspost|pgzip|pgzip-umoci LEVEL")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// A small server, the program of an image of the corpus.
package main

import (
	"encoding/json"
	"log"
	"net/http"
	"os"
)

// Set by the linker.
var version = "unknown"

func main() {
	address := "127.0.0.1:8080"
	if len(os.Args) > 1 {
		address = os.Args[1]
	}
	http.HandleFunc("/version", func(answer http.ResponseWriter, _ *http.Request) {
		answer.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(answer).Encode(map[string]string{"version": version}); err != nil {
			log.Print(err)
		}
	})
	log.Fatal(http.ListenAndServe(address, nil))
}

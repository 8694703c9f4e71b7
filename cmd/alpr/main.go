// Command alpr reads licence plates from a moving car's cameras.
package main

import (
	"os"

	"alpr/camera"
	"alpr/internal/cli"
)

// version is set by the build.
var version = "unknown"

func main() {
	camera.Quiet()
	os.Exit(cli.Main(newRootCmd()))
}

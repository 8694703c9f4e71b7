// Command alpr-backend is the agency's side of the sync: it keeps what vehicles
// publish, and publishes what vehicles need.
package main

import (
	"os"

	"alpr/internal/cli"
)

// version is set by the build.
var version = "unknown"

func main() { os.Exit(cli.Main(newRootCommand())) }

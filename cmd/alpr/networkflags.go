package main

import (
	"github.com/spf13/cobra"

	"alpr/models"
	"alpr/vehicle/networks"
)

// addNetworkFlags gives a command the flags that say where the networks are and
// how they run.
func addNetworkFlags(c *cobra.Command, o *networks.Options) {
	flags := c.Flags()
	flags.StringVar(&o.Dir, "models", "", "folder of the networks (default: the one beside the program)")
	flags.StringVar(&o.Library, "onnxruntime", "", "the ONNX Runtime library (default: lib/"+models.LibraryName+" beside the program, then the system's)")
	flags.StringVar(&o.Precision, "precision", "", "which files of the networks to run: fp32 or int8 (default: as their manifest says)")
	flags.IntVar(&o.Threads, "threads", 1, "processor cores for one picture")
}

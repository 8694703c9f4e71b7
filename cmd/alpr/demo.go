package main

import (
	"time"

	"github.com/spf13/cobra"

	"alpr/vehicle/demo"
)

const demoHelp = `Show the whole system on one machine: a drive through the cameras' pipeline, the
officer's page, a broker, and a backend that receives the reads. Nothing leaves
this machine, and everything recorded is deleted at the end unless --data names
a folder to keep it in.

Without flags it plays the drive that comes with the program: rendered, with
made-up plates, a position log and a sample hotlist. With --video or --camera it
runs on your own input.`

const demoExample = `  alpr demo
  alpr demo --video drive.mp4 --nmea drive.nmea --hotlist wanted.csv
  alpr demo --camera /dev/video0 --gps /dev/ttyUSB0`

func newDemoCmd() *cobra.Command {
	var o demo.Options
	c := &cobra.Command{
		Use:     "demo",
		Short:   "Show the whole system on one machine, on a rendered drive or your own input",
		Long:    demoHelp,
		Example: demoExample,
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return demo.Run(c.Context(), o, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	flags := c.Flags()
	flags.StringVar(&o.Video, "video", "", "a recording to play instead of the rendered drive")
	flags.StringVar(&o.NMEA, "nmea", "", "NMEA log kept beside the recording")
	flags.StringVar(&o.Hotlist, "hotlist", "", "hotlist file instead of the sample")
	flags.StringVar(&o.Camera, "camera", "", "a live camera: /dev/video0 or rtsp://…")
	flags.StringVar(&o.GPS, "gps", "", "serial device of a satellite receiver, such as /dev/ttyUSB0")
	flags.StringVar(&o.Data, "data", "", "folder to keep what is recorded (default: a new one, deleted at the end)")
	flags.StringVar(&o.Listen, "listen", "127.0.0.1:8088", "address of the officer's page; port 0: any free one")
	flags.BoolVar(&o.IsOnce, "once", false, "end when the recording is over and the backend has everything")
	flags.DurationVar(&o.Start, "start-in", 5*time.Second, "wait so long before the recording begins: time to open the page")
	return c
}

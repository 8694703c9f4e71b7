package main

import (
	"github.com/spf13/cobra"

	"alpr/vehicle/replay"
)

const replayHelp = `Run a recording through the whole pipeline: a video file, a folder of pictures,
or a picture sequence. Every frame is looked at, in order, as fast as this
machine can; all frames of a passing car are fused into one read.

Reads are written to standard output, a JSON object a line, as they would be
recorded: a read with a hit may come early ("preview": true) and again under
the same id with a higher revision. With --final only the last revision of each
read is written, at the end.

The same recording gives the same lines, ids included, at every run. Times are
the recording's own: it begins at --start, or with the first position of
--nmea, or at 1970-01-01T00:00:00Z where neither is known.

Nothing is stored and nothing is sent.`

const replayExample = `  alpr replay drive.mp4 --nmea drive.nmea --hotlist wanted.csv
  alpr replay --final drive.mp4 | jq -r .text
  alpr replay complaint.mp4 --pictures out/     (also writes what was read as JPEG)`

func newReplayCmd() *cobra.Command {
	var o replay.Options
	c := &cobra.Command{
		Use:     "replay [flags] VIDEO",
		Short:   "Run a recording through the whole pipeline, faster than real time",
		Long:    replayHelp,
		Example: replayExample,
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return replay.Run(c.Context(), o, args[0], c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	flags := c.Flags()
	flags.StringVar(&o.NMEA, "nmea", "", "NMEA log kept beside the video: reads then carry positions")
	flags.StringVar(&o.Start, "start", "", "instant of the first frame, as 2026-06-01T12:00:00Z (default: the log's first position); gives the day of a log without dates")
	flags.StringVar(&o.Hotlist, "hotlist", "", "hotlist file to check reads against; its format is found by its heading")
	flags.StringVar(&o.ListDate, "hotlist-date", "", "when the hotlist was published (default: the instant of the first frame)")
	flags.StringVar(&o.Pictures, "pictures", "", "folder to write the crop and the context picture of each read to")
	flags.BoolVar(&o.IsFinal, "final", false, "write only the last revision of each read, at the end")
	flags.BoolVar(&o.IsQuiet, "quiet", false, "no summary on standard error")
	addNetworkFlags(c, &o.Networks)
	return c
}

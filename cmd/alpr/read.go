package main

import (
	"github.com/spf13/cobra"

	"alpr/internal/usage"
	"alpr/vehicle/networks"
	"alpr/vehicle/stills"
)

const readHelp = `Find and read the licence plates in pictures, folders of pictures, and videos.

Each picture, and each frame of a video, is read on its own: one line a plate,
with the text, how sure it is (the probability that the whole text is right),
the issuing state or country where it can be told, where the plate is, and what
else it may say. To read a drive, with all frames of a passing car fused into
one read, use "alpr replay".

The time given is that of finding and reading the plates, on a clock, after the
picture has been decoded; the networks have been run once before.`

const readExample = `  alpr read car.jpg
  alpr read --csv pictures/ > reads.csv
  alpr read --json drive.mp4 | jq .text
  alpr read --crops plates/*.png        (each picture is one plate, cut out)`

func newReadCmd() *cobra.Command {
	o := stills.Options{}
	var isCSV, isJSON bool
	c := &cobra.Command{
		Use:     "read [flags] PATH…",
		Short:   "Read the plates in pictures, folders and videos",
		Long:    readHelp,
		Example: readExample,
		Args:    cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, paths []string) error {
			switch {
			case isCSV && isJSON:
				return usage.Errorf("--csv and --json: give one of them")
			case isCSV:
				o.Format = stills.CSV
			case isJSON:
				o.Format = stills.JSON
			}
			return stills.Read(c.Context(), o, paths, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	flags := c.Flags()
	flags.BoolVar(&isCSV, "csv", false, "write CSV: image,plate_text,confidence,x,y,w,h,rank,ms,region; a row for each text a plate may have")
	flags.BoolVar(&isJSON, "json", false, "write a JSON object a line")
	flags.BoolVar(&o.IsCrops, "crops", false, "take each picture as one plate, cut out: read only")
	flags.Float64Var(&o.MinConfidence, "min-confidence", 0.55, "report plates less sure than this (0 to 1), and what may be a sign, as found, without a text (0: report all)")
	flags.IntVar(&o.Candidates, "candidates", 10, "list up to so many texts a plate may have")
	flags.Float64Var(&o.SureFrom, "sure-from", networks.SureFrom, "view plates less sure than this again, by the second model and framed differently (0: never)")
	flags.Lookup("sure-from").DefValue = "as the models say"
	flags.BoolVar(&o.IsPictureOnly, "picture-only", false, "leave out what issuers' serials look like: say what the picture alone shows")
	flags.IntVar(&o.Every, "every", 1, "of a video, read every n-th frame")
	addNetworkFlags(c, &o.Networks)
	return c
}

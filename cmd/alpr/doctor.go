package main

import (
	"github.com/spf13/cobra"

	"alpr/vehicle/doctor"
)

const doctorHelp = `Check everything that the car needs, one line each: ok, warn (it works, but not
as it should) or FAIL (it does not work), and how to mend it.

It opens the cameras and the satellite receiver, so stop alpr run first, or
read what it says about them with that in mind. It records nothing but a start
in the audit log, and sends nothing: of the broker it checks the way there and
the certificates.

A camera's picture is judged: black, covered, blown out, out of focus. With
--pictures it is kept, to see how the camera is aimed.

Exit code 1 when anything fails; warnings alone do not.`

func newDoctorCmd() *cobra.Command {
	var config configFlags
	var o doctor.Options
	c := &cobra.Command{
		Use:     "doctor --config alpr.yaml",
		Short:   "Check cameras, models, GPS, store, clock, broker and certificates, and say how to mend each",
		Long:    doctorHelp,
		Example: "  alpr doctor --config alpr.yaml",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			o.Overlays = config.overlays
			return doctor.Run(c.Context(), config.path, c.OutOrStdout(), o)
		},
	}
	config.add(c.Flags())
	f := c.Flags()
	f.BoolVar(&o.JSON, "json", false, "one JSON object a finding: grade (ok, warn, fail), part, text")
	f.DurationVar(&o.Watch, "watch", 0, "look again so often, and tell what has changed")
	f.StringVar(&o.Pictures, "pictures", "", "keep a picture of each camera in this folder")
	return c
}

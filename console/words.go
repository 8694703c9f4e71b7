package console

import (
	"fmt"
	"math"
	"strings"
	"time"

	"alpr/internal/platetext"

	"alpr"
)

// leadOnly stands on every alert, whatever else it says.
const leadOnly = "Lead only: verify plate and state"

// cell is one character place of the plate as read beside the plate as listed.
type cell struct {
	Read    string  `json:"read"`   // "" where the plate shows nothing
	Listed  string  `json:"listed"` // "" where the list has nothing
	Differs bool    `json:"differs"`
	P       float64 `json:"p"` // that the plate shows the listed character; 0 when not told
}

// align puts two texts over each other with the fewest differences.
func align(read, listed string) []cell {
	var cells []cell
	for _, p := range platetext.Align(read, listed) {
		var c cell
		if p.HasA {
			c.Read = read[p.A : p.A+1]
		}
		if p.HasB {
			c.Listed = listed[p.B : p.B+1]
		}
		c.Differs = c.Read != c.Listed
		cells = append(cells, c)
	}
	return cells
}

// cellsOf aligns what was read with what is listed and adds what the match
// said about the places that differ.
func cellsOf(read string, h alpr.Hit) []cell {
	cells := align(read, h.Entry.Plate)
	slot := 0 // in the listed text
	for i := range cells {
		if cells[i].Differs {
			for _, d := range h.Differs {
				if d.Slot == slot && d.Listed == cells[i].Listed {
					cells[i].P = d.P
				}
			}
		}
		if cells[i].Listed != "" {
			slot++
		}
	}
	return cells
}

// kindWords says how the two texts compare, character by character.
func kindWords(kind alpr.MatchKind, cells []cell) string {
	var parts []string
	for _, c := range cells {
		if !c.Differs {
			continue
		}
		switch {
		case c.Listed == "":
			parts = append(parts, "extra "+charName(c.Read)+" read")
		case c.Read == "":
			parts = append(parts, "listed "+charName(c.Listed)+" not seen")
		default:
			parts = append(parts, "read "+charName(c.Read)+", listed "+charName(c.Listed))
		}
	}
	if len(parts) == 0 {
		return "Exact: every character agrees"
	}
	head := "Weak character"
	switch {
	case kind == alpr.MatchLookAlike:
		head = "Look-alike"
	case kind == alpr.MatchExact: // a revision changed the text under an exact match
		head = "Differs"
	}
	return head + ": " + strings.Join(parts, "; ")
}

// charName keeps apart on screen what a typeface may not.
func charName(c string) string {
	switch c {
	case "0":
		return "0 (zero)"
	case "1":
		return "1 (one)"
	case "O", "I", "L":
		return c + " (letter)"
	}
	return c
}

// percent rounds towards 50 %, so that nothing uncertain is ever shown as
// 100 % or 0 %.
func percent(p float64) string {
	switch {
	case math.IsNaN(p) || p < 0 || p > 1:
		return "not known"
	case p == 0:
		return "0 %"
	case p < 0.01:
		return "under 1 %"
	case p > 0.99 && p < 1:
		return "over 99 %"
	case p > 0.5:
		return fmt.Sprintf("%d %%", int(p*100+1e-9))
	}
	return fmt.Sprintf("%d %%", int(math.Ceil(p*100-1e-9)))
}

// likelihood puts a probability in words, after the scale of ICD 203.
func likelihood(p float64) string {
	switch {
	case math.IsNaN(p) || p < 0 || p > 1:
		return "Probability not known"
	case p >= 0.99:
		return "Almost certainly this plate"
	case p >= 0.95:
		return "Very probably this plate"
	case p >= 0.80:
		return "Probably this plate"
	case p >= 0.55:
		return "More likely this plate than not"
	case p >= 0.45:
		return "As likely this plate as not"
	}
	return "Probably another plate"
}

// stateWords compares the state read with the state listed.
func stateWords(v alpr.StateVerdict, read, listed string, p float64) string {
	listedName := "no state listed"
	if listed != "" {
		listedName = regionName(listed) + " listed"
	}
	readName := "plate's state not read"
	if read != "" {
		readName = "plate looks like " + regionName(read)
	}
	if v == alpr.StateMatch {
		return regionName(listed) + " on plate and list (" + percent(p) + ")"
	}
	return listedName + ", " + readName
}

// ageWords says a length of time as a person would.
func ageWords(d time.Duration) string {
	switch {
	case d < 0:
		return "dated in the future"
	case d < time.Minute:
		return "under a minute"
	case d < 2*time.Hour:
		return plural(int(d.Minutes()), "minute")
	case d < 48*time.Hour:
		return plural(int(d.Hours()), "hour")
	}
	return plural(int(d.Hours()/24), "day")
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}

// positionWords says where a read was made, or that nobody knows, and which way
// the car was driving.
func positionWords(f alpr.Fix) string {
	s := placeWords(f)
	if f.IsValid() && f.SpeedMPS > movingMPS {
		s += ", heading " + compass(f.CourseDeg)
	}
	return s
}

// placeWords says where a read was made, or that nobody knows.
func placeWords(f alpr.Fix) string {
	if !f.IsValid() {
		return "No position: GPS had no fix"
	}
	s := fmt.Sprintf("%.5f, %.5f", f.Lat, f.Lon)
	switch {
	case f.Age > time.Minute:
		s += " (" + ageWords(f.Age) + " old)"
	case f.Age > 2*time.Second:
		s += fmt.Sprintf(" (%d s old)", int(f.Age.Seconds()))
	}
	return s
}

func compass(deg float64) string {
	names := [...]string{"north", "northeast", "east", "southeast", "south", "southwest", "west", "northwest"}
	if math.IsNaN(deg) || math.IsInf(deg, 0) {
		return "unknown"
	}
	return names[((int(math.Round(deg/45))%8)+8)%8]
}

// withdrawalWords is why a hit was taken back. The page adds the time.
func withdrawalWords(h alpr.Hit) string {
	list := h.Entry.List
	if h.Entry.IsManual {
		list = "this car's own list"
	}
	switch h.Withdrawal.Why {
	case alpr.WithdrawnRemoved:
		return "The plate was removed from " + list
	case alpr.WithdrawnRolledBack:
		return "The version of " + list + " that listed it was taken back"
	case alpr.WithdrawnDropped:
		return list + " is not in use any more"
	case alpr.WithdrawnExpired:
		return "The entry in " + list + " expired"
	case alpr.WithdrawnChanged:
		return "The entry in " + list + " was changed: it is not in force now"
	case alpr.WithdrawnForbidden:
		return "Policy lets the category " + h.Entry.Category + " alert no more"
	}
	return "The whole pass does not bear this hit out"
}

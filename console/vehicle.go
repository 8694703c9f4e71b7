package console

import (
	"embed"
	"regexp"
	"strings"
	"sync"

	"alpr"
)

//go:embed facts/*.tsv
var factFiles embed.FS

// carView is the listed vehicle as the page draws it.
type carView struct {
	Words  string `json:"words"`
	Kind   string `json:"kind,omitempty"`   // of the drawing; "" where the list does not say
	Colour string `json:"colour,omitempty"` // #rrggbb; "" where the list names none that can be drawn
	Second string `json:"second,omitempty"` // of a car in two colours
}

// codes are the NCIC codes of vehicles, in words.
type codes struct {
	colours, styles, makes, models map[string][]string // models by make and code, with a blank between
}

//nolint:gochecknoglobals // read once, never written after
var vehicleCodes = sync.OnceValue(func() codes {
	return codes{colours: readFacts("colours", 1), styles: readFacts("styles", 1), makes: readFacts("makes", 1), models: readFacts("models", 2)}
})

// readFacts reads a compiled-in table whose first columns are its key.
func readFacts(name string, keys int) map[string][]string {
	text, err := factFiles.ReadFile("facts/" + name + ".tsv")
	if err != nil {
		panic(err) // the file is compiled in
	}
	table := map[string][]string{}
	for line := range strings.Lines(string(text)) {
		f := strings.Split(strings.TrimRight(line, "\n"), "\t")
		if len(f) > keys && !strings.HasPrefix(line, "#") {
			table[strings.Join(f[:keys], " ")] = f[keys:]
		}
	}
	return table
}

var yearRange = regexp.MustCompile(`^\d{2}$`)

// vehicleWords is the listed vehicle as an officer compares it with the one
// ahead: year, colour, what it is. NCIC codes become words; a code that no table
// knows stays as the list has it.
func vehicleWords(v alpr.Vehicle) string {
	colour, style := colourWords(v.Colour), word(vehicleCodes().styles, v.Style)
	maker, model := word(vehicleCodes().makes, v.Make), strings.TrimSpace(v.Model)
	if m, ok := vehicleCodes().models[modelKey(v)]; ok {
		model = m[0]
	}
	year := strings.TrimSpace(v.Year)
	if yearRange.MatchString(year) {
		year = "'" + year
	}
	var parts []string
	for _, s := range []string{year, colour, maker, model} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	s := strings.Join(parts, " ")
	switch {
	case s == "" && style == "":
		return "No vehicle listed"
	case style != "" && s != "":
		return s + ", " + style
	case style != "":
		return style
	}
	return s
}

func modelKey(v alpr.Vehicle) string {
	return strings.ToUpper(strings.TrimSpace(v.Make) + " " + strings.TrimSpace(v.Model))
}

func word(table map[string][]string, code string) string {
	code = strings.TrimSpace(code)
	if f, ok := table[strings.ToUpper(code)]; ok {
		return f[0]
	}
	return code
}

// colourWords takes one code or two with a stroke, upper half first, as NCIC has
// them, or a word.
func colourWords(s string) string {
	var names []string
	for c := range strings.SplitSeq(s, "/") {
		if w := word(vehicleCodes().colours, c); w != "" {
			names = append(names, w)
		}
	}
	return strings.Join(names, " over ")
}

// viewCar is what the drawing shows. It claims no more than the list does.
func viewCar(v alpr.Vehicle) carView {
	car := carView{Words: tidy(vehicleWords(v), 2*maxName), Kind: kindOf(v)}
	fills := []string{}
	for c := range strings.SplitSeq(v.Colour, "/") {
		if f := fillOf(c); f != "" {
			fills = append(fills, f)
		}
	}
	if len(fills) > 0 {
		car.Colour = fills[0]
	}
	if len(fills) > 1 {
		car.Second = fills[1]
	}
	return car
}

// fillOf is the drawing's colour of a code or of the word for one.
func fillOf(s string) string {
	s = strings.TrimSpace(s)
	for code, f := range vehicleCodes().colours {
		if strings.EqualFold(s, code) || strings.EqualFold(s, f[0]) || strings.EqualFold(s, "gray") && code == "GRY" {
			if f[1] == "-" {
				return ""
			}
			return f[1]
		}
	}
	return ""
}

// kindOf is the drawing of a vehicle: by its model, or its style in code or words.
func kindOf(v alpr.Vehicle) string {
	if m, ok := vehicleCodes().models[modelKey(v)]; ok && m[1] != "-" {
		return m[1]
	}
	style := strings.ToLower(strings.TrimSpace(v.Style))
	if f, ok := vehicleCodes().styles[strings.ToUpper(style)]; ok {
		return strings.Trim(f[1], "-")
	}
	for _, k := range []struct{ word, kind string }{
		{"pickup", "pickup"}, {"suv", "suv"}, {"utility", "suv"}, {"crossover", "suv"}, {"van", "van"}, {"wagon", "wagon"},
		{"hatch", "hatchback"}, {"coupe", "coupe"}, {"convertible", "coupe"}, {"2-door", "coupe"},
		{"motorcycle", "motorcycle"}, {"trailer", "trailer"}, {"bus", "bus"}, {"truck", "truck"},
		{"sedan", "sedan"}, {"saloon", "sedan"},
	} {
		if strings.Contains(style, k.word) {
			return k.kind
		}
	}
	return ""
}

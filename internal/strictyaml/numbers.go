package strictyaml

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// ErrNumber reports a number that its writer and YAML read differently.
var ErrNumber = errors.New("not the number that is meant")

// numberError is a number that is refused, and how to write it.
type numberError struct {
	written string
	mend    string
	places  []string // where it stands, as far as that is known
}

func (e *numberError) Error() string {
	where := strings.Join(e.places, ", or ")
	if where != "" {
		where += ": "
	}
	return fmt.Sprintf("%s%s: %v: %s", where, e.written, ErrNumber, e.mend)
}

func (e *numberError) Unwrap() error { return ErrNumber }

// numbers are the options by which numbers are taken as people write them.
func numbers() []yaml.DecodeOption {
	return []yaml.DecodeOption{
		yaml.CustomUnmarshaler(whole[int]), yaml.CustomUnmarshaler(whole[int32]), yaml.CustomUnmarshaler(whole[int64]),
		yaml.CustomUnmarshaler(whole[uint]), yaml.CustomUnmarshaler(whole[uint8]), yaml.CustomUnmarshaler(whole[uint16]),
		yaml.CustomUnmarshaler(whole[uint32]), yaml.CustomUnmarshaler(whole[uint64]),
		yaml.CustomUnmarshaler(decimal), yaml.CustomUnmarshaler(duration),
	}
}

const (
	wantWhole = "a whole number is wanted, without a fraction"
	wantReal  = "a number is wanted"
	wantTime  = "a time is wanted, with its unit: write 500ms, 90s, 15m or 12h"
)

// whole decodes a whole number. The decoder would take 010 as 8, and cut 1.9 and
// "0.5" down to 1 and 0.
func whole[T int | int32 | int64 | uint | uint8 | uint16 | uint32 | uint64](n *T, raw []byte) error {
	written := scalar(raw)
	if err := checkZero(written); err != nil {
		return err
	}
	f, err := strconv.ParseFloat(written, 64)
	if err == nil && f != math.Trunc(f) {
		return &numberError{written: written, mend: wantWhole}
	}
	if yaml.Unmarshal(raw, n) != nil {
		if err == nil {
			return &numberError{written: written, mend: "it is too large, or negative where that cannot be"}
		}
		return &numberError{written: written, mend: wantWhole}
	}
	return nil
}

func decimal(n *float64, raw []byte) error {
	written := scalar(raw)
	if err := checkZero(written); err != nil {
		return err
	}
	if yaml.Unmarshal(raw, n) != nil {
		return &numberError{written: written, mend: wantReal}
	}
	return nil
}

func duration(d *time.Duration, raw []byte) error {
	written := scalar(raw)
	if written == "0" {
		*d = 0
		return nil
	}
	if yaml.Unmarshal(raw, d) != nil {
		return &numberError{written: written, mend: wantTime}
	}
	return nil
}

// checkZero refuses digits behind a zero: some readers of YAML take them as
// octal, people as decimal.
func checkZero(written string) error {
	digits := strings.TrimLeft(written, "+-")
	if len(digits) < 2 || digits[0] != '0' || (digits[1] < '0' || digits[1] > '9') && digits[1] != '_' {
		return nil
	}
	plain := strings.TrimLeft(digits, "0_")
	if plain == "" || plain[0] < '0' || plain[0] > '9' {
		plain = "0" + plain
	}
	return &numberError{written: written, mend: fmt.Sprintf("with a zero before it, it could be octal: write %s, or 0o%s where octal is meant",
		strings.Repeat("-", strings.Count(written, "-"))+plain, strings.TrimLeft(digits, "0_"))}
}

// scalar is what stands in a document of one number or text, in quotes or not;
// "" where it is neither.
func scalar(raw []byte) string {
	file, err := parser.ParseBytes(raw, 0)
	if err != nil || len(file.Docs) != 1 {
		return ""
	}
	return scalarText(file.Docs[0].Body)
}

func scalarText(n ast.Node) string {
	switch n := n.(type) {
	case *ast.IntegerNode, *ast.FloatNode, *ast.StringNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return n.GetToken().Value
	}
	return ""
}

// place notes where in the text the number stands that err refuses. It says
// whether there is such a place: a list in a number's stead has none.
func place(text []byte, err error) bool {
	var refused *numberError
	if !errors.As(err, &refused) || refused.written == "" {
		return false
	}
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		return false
	}
	seen := map[int]bool{}
	for _, doc := range file.Docs {
		ast.Walk(visitor(func(key string, n ast.Node) {
			if scalarText(n) != refused.written || seen[n.GetToken().Position.Line] {
				return
			}
			line := n.GetToken().Position.Line
			seen[line] = true
			refused.places = append(refused.places, strings.TrimSuffix(fmt.Sprintf("line %d, %s", line, key), ", "))
		}), doc)
	}
	return len(refused.places) > 0
}

// visitor is called for each value of a document, with its key where it has one.
type visitor func(key string, n ast.Node)

func (f visitor) Visit(n ast.Node) ast.Visitor {
	if m, ok := n.(*ast.MappingValueNode); ok {
		f(m.Key.String(), m.Value)
		return f
	}
	if _, ok := n.(ast.ScalarNode); ok {
		f("", n)
	}
	return f
}

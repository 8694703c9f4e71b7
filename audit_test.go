package alpr_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"alpr"
)

func TestEveryAuditActionIsListedOnce(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "audit.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var declared []alpr.AuditAction
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		for _, v := range spec.Values {
			text, err := strconv.Unquote(v.(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			declared = append(declared, alpr.AuditAction(text))
		}
		return true
	})
	listed := alpr.AuditActions()
	slices.Sort(declared)
	slices.Sort(listed)
	if !slices.Equal(declared, listed) || len(slices.Compact(slices.Clone(listed))) != len(listed) {
		t.Errorf("declared %q\nlisted   %q", declared, listed)
	}
	page, err := os.ReadFile("docs/agency/privacy.md")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Join(strings.Fields(string(page)), " ")
	for _, a := range listed {
		if !strings.Contains(text, "`"+string(a)+"`") {
			t.Errorf("docs/agency/privacy.md does not name the action %q", a)
		}
	}
	if alpr.AuditAction("x").IsKnown() || !alpr.ActionLogin.IsKnown() {
		t.Error("known and unknown actions are not told apart")
	}
}

// Command oracle answers questions about Alloy's language with Alloy's own syntax package: one JSON request
// a line on standard input, one JSON answer a line on standard output.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"os"

	"github.com/grafana/alloy/syntax/diag"
	"github.com/grafana/alloy/syntax/parser"
	"github.com/grafana/alloy/syntax/printer"
	"github.com/grafana/alloy/syntax/vm"
)

type request struct {
	Op, Text string
}

type place struct {
	Line, Column int
	EndLine      int `json:"end_line"`
	EndColumn    int `json:"end_column"`
	Message      string
}

type answer struct {
	OK     bool            `json:"ok"`
	Text   string          `json:"text,omitempty"`
	Value  json.RawMessage `json:"value,omitempty"`
	Places []place         `json:"places,omitempty"`
	Error  string          `json:"error,omitempty"`
}

func fail(err error) answer {
	a := answer{Error: err.Error()}
	var many diag.Diagnostics
	var one diag.Diagnostic
	if errors.As(err, &one) {
		many = diag.Diagnostics{one}
	} else {
		errors.As(err, &many)
	}
	for _, d := range many {
		a.Places = append(a.Places, place{d.StartPos.Line, d.StartPos.Column, d.EndPos.Line, d.EndPos.Column, d.Message})
	}
	return a
}

func do(r request) (a answer) {
	defer func() {
		if p := recover(); p != nil {
			a = answer{Error: "panic"}
		}
	}()
	switch r.Op {
	case "format":
		file, err := parser.ParseFile("input", []byte(r.Text))
		if err != nil {
			return fail(err)
		}
		var out bytes.Buffer
		if err := printer.Fprint(&out, file); err != nil {
			return answer{Error: err.Error()}
		}
		out.WriteByte('\n')
		return answer{OK: true, Text: out.String()}
	case "eval":
		expression, err := parser.ParseExpression(r.Text)
		if err != nil {
			return fail(err)
		}
		var value any
		if err := vm.New(expression).Evaluate(vm.NewScope(map[string]any{}), &value); err != nil {
			return fail(err)
		}
		text, err := json.Marshal(value)
		if err != nil {
			return answer{Error: err.Error()}
		}
		return answer{OK: true, Value: text}
	}
	return answer{Error: "unknown op"}
}

func main() {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<24)
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	for in.Scan() {
		var r request
		if err := json.Unmarshal(in.Bytes(), &r); err != nil {
			panic(err)
		}
		if err := out.Encode(do(r)); err != nil {
			panic(err)
		}
	}
}

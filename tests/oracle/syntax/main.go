// Command oracle answers questions about Alloy's language with Alloy's own syntax package: one JSON request
// a line on standard input, one JSON answer a line on standard output.
package main

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"reflect"
	"sort"
	"strconv"
	"unicode/utf8"

	"github.com/grafana/alloy/syntax/alloytypes"
	"github.com/grafana/alloy/syntax/diag"
	"github.com/grafana/alloy/syntax/parser"
	"github.com/grafana/alloy/syntax/printer"
	"github.com/grafana/alloy/syntax/scanner"
	"github.com/grafana/alloy/syntax/token"
	"github.com/grafana/alloy/syntax/vm"
)

// Bytes is the text where it is not UTF-8.
type request struct {
	Op, Text string
	Bytes    []byte
}

type place struct {
	Line      int    `json:"line"`
	Column    int    `json:"column"`
	EndLine   int    `json:"end_line"`
	EndColumn int    `json:"end_column"`
	Message   string `json:"message"`
}

type answer struct {
	OK      bool     `json:"ok"`
	Text    string   `json:"text"`
	Value   any      `json:"value"`
	Strings []string `json:"strings,omitempty"`
	Places  []place  `json:"places,omitempty"`
	Error   string   `json:"error,omitempty"`
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

func text(s string) any {
	if utf8.ValidString(s) {
		return s
	}
	return map[string]string{"hex": hex.EncodeToString([]byte(s))}
}

// typed is a value with its type: JSON has fewer types than the language.
func typed(v any) any {
	switch v := v.(type) {
	case nil:
		return nil
	case bool:
		return v
	case int:
		return map[string]string{"int": strconv.Itoa(v)}
	case int64:
		return map[string]string{"int": strconv.FormatInt(v, 10)}
	case uint64:
		return map[string]string{"uint": strconv.FormatUint(v, 10)}
	case float64:
		if math.IsNaN(v) {
			return map[string]string{"float": "nan"}
		}
		return map[string]string{"float": fmt.Sprintf("%016x", math.Float64bits(v))}
	case string:
		return text(v)
	case []any:
		out := []any{}
		for _, element := range v {
			out = append(out, typed(element))
		}
		return map[string]any{"array": out}
	case map[string]any:
		keys := []string{}
		for key := range v {
			keys = append(keys, key)
		}
		sort.Strings(keys)
		out := []any{}
		for _, key := range keys {
			out = append(out, []any{text(key), typed(v[key])})
		}
		return map[string]any{"object": out}
	case alloytypes.Secret:
		return map[string]any{"secret": text(string(v))}
	case alloytypes.OptionalSecret:
		return map[string]any{"optional_secret": text(v.Value), "sensitive": v.IsSecret}
	}
	if reflect.TypeOf(v).Kind() == reflect.Func {
		return "(function)"
	}
	return fmt.Sprintf("(%T)", v)
}

func literals(source []byte) (out []string) {
	s := scanner.New(token.NewFile("input"), source, nil, 0)
	for {
		_, tok, lit := s.Scan()
		switch tok {
		case token.EOF:
			return out
		case token.STRING:
			out = append(out, lit)
		}
	}
}

var scope = map[string]any{
	"secret": alloytypes.Secret("s3"),
	"open":   alloytypes.OptionalSecret{Value: "o1"},
	"closed": alloytypes.OptionalSecret{Value: "c2", IsSecret: true},
	"object": map[string]any{"key": "value", "list": []any{1, 2.5, "three"}},
}

func do(r request) (a answer) {
	defer func() {
		if p := recover(); p != nil {
			a = answer{Error: "panic"}
		}
	}()
	source := []byte(r.Text)
	if r.Bytes != nil {
		source = r.Bytes
	}
	switch r.Op {
	case "parse":
		if _, err := parser.ParseFile("input", source); err != nil {
			return fail(err)
		}
		return answer{OK: true}
	case "format":
		file, err := parser.ParseFile("input", source)
		if err != nil {
			return fail(err)
		}
		var out bytes.Buffer
		if err := printer.Fprint(&out, file); err != nil {
			return answer{Error: err.Error()}
		}
		out.WriteByte('\n')
		return answer{OK: true, Text: out.String()}
	case "strings":
		return answer{OK: true, Strings: literals(source)}
	case "eval":
		expression, err := parser.ParseExpression(string(source))
		if err != nil {
			return fail(err)
		}
		var value any
		if err := vm.New(expression).Evaluate(vm.NewScope(scope), &value); err != nil {
			return fail(err)
		}
		return answer{OK: true, Value: typed(value)}
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

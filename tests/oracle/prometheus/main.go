// Command oracle relabels and parses with Prometheus' own packages: one JSON request a line on standard input,
// one JSON answer a line on standard output.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"math"
	"os"
	"strconv"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/relabel"
	"github.com/prometheus/prometheus/model/textparse"
)

type rule struct {
	SourceLabels                                          []string `json:"source_labels"`
	Separator, Regex, TargetLabel, Replacement, Action    string
	Modulus                                               uint64
}

type request struct {
	Op     string
	Labels map[string]string
	Rules  []rule
	Body   string
	Type   string
}

type sample struct {
	Labels    map[string]string `json:"labels"`
	Value     string            `json:"value"`
	Timestamp *int64            `json:"timestamp"`
}

type answer struct {
	OK      bool              `json:"ok"`
	Kept    bool              `json:"kept"`
	Labels  map[string]string `json:"labels,omitempty"`
	Samples []sample          `json:"samples,omitempty"`
	Error   string            `json:"error,omitempty"`
}

func relabelled(r request) answer {
	var rules []*relabel.Config
	for _, in := range r.Rules {
		regex, err := relabel.NewRegexp(in.Regex)
		if err != nil {
			return answer{Error: err.Error()}
		}
		var sources model.LabelNames
		for _, s := range in.SourceLabels {
			sources = append(sources, model.LabelName(s))
		}
		rules = append(rules, &relabel.Config{SourceLabels: sources, Separator: in.Separator, Regex: regex,
			Modulus: in.Modulus, TargetLabel: in.TargetLabel, Replacement: in.Replacement,
			Action: relabel.Action(in.Action)})
	}
	out, keep := relabel.Process(labels.FromMap(r.Labels), rules...)
	if !keep {
		return answer{OK: true}
	}
	return answer{OK: true, Kept: true, Labels: out.Map()}
}

func parsed(r request) answer {
	parser, err := textparse.New([]byte(r.Body), r.Type, "", false, false, labels.NewSymbolTable())
	if parser == nil {
		return answer{Error: err.Error()}
	}
	a := answer{OK: true}
	for {
		entry, err := parser.Next()
		if errors.Is(err, io.EOF) {
			return a
		}
		if err != nil {
			return answer{Error: err.Error()}
		}
		if entry != textparse.EntrySeries {
			continue
		}
		_, timestamp, value := parser.Series()
		var l labels.Labels
		parser.Labels(&l)
		s := sample{Labels: l.Map(), Value: strconv.FormatUint(math.Float64bits(value), 16)}
		if timestamp != nil {
			t := *timestamp
			s.Timestamp = &t
		}
		a.Samples = append(a.Samples, s)
	}
}

func do(r request) (a answer) {
	defer func() {
		if p := recover(); p != nil {
			a = answer{Error: "panic"}
		}
	}()
	if r.Op == "relabel" {
		return relabelled(r)
	}
	return parsed(r)
}

func main() {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<24)
	out := json.NewEncoder(os.Stdout)
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

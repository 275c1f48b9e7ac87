// Command oracle reads expositions with Prometheus' own parsers, and makes protobuf ones: one JSON request a line on
// standard input, one JSON answer a line on standard output. What a scrape does with what a parser says (exemplars,
// duplicates, limits of native histograms) is done here as scrape.go does it.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"math/rand"
	"os"
	"slices"
	"strconv"
	"unicode/utf8"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/exemplar"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
	"google.golang.org/protobuf/encoding/protodelim"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
)

type request struct {
	Op, Type                                      string
	Seed                                          int64
	Body                                          []byte
	Native, Classic, Convert, Starts, TypeAndUnit bool
	BucketLimit                                   int
	FinestSchema                                  int32
}

type hist struct {
	Float                                        bool  `json:"float"`
	Gauge                                        bool  `json:"gauge"`
	Schema                                       int32 `json:"schema"`
	Count, ZeroCount, Sum, ZeroThreshold         string
	PositiveSpans, NegativeSpans                 [][2]int64
	PositiveDeltas, NegativeDeltas               []int64
	PositiveCounts, NegativeCounts, CustomValues []string
}

type example struct {
	Labels    map[string]string `json:"labels"`
	Value     string            `json:"value"`
	Timestamp int64             `json:"timestamp"`
}

type sample struct {
	Labels    map[string]string `json:"labels"`
	Value     string            `json:"value,omitempty"`
	Timestamp int64             `json:"timestamp"`
	Start     int64             `json:"start"`
	Histogram *hist             `json:"histogram,omitempty"`
	Exemplars []example         `json:"exemplars"`
}

type answer struct {
	OK      bool     `json:"ok"`
	Error   string   `json:"error,omitempty"`
	Body    []byte   `json:"body,omitempty"`
	Samples []sample `json:"samples"`
}

const now = 1_700_000_000_000

func bits(v float64) string { return strconv.FormatUint(math.Float64bits(v), 16) }

func all(values []float64) []string {
	out := []string{}
	for _, v := range values {
		out = append(out, bits(v))
	}
	return out
}

func spans(in []histogram.Span) [][2]int64 {
	out := [][2]int64{}
	for _, s := range in {
		out = append(out, [2]int64{int64(s.Offset), int64(s.Length)})
	}
	return out
}

func shown(h *histogram.Histogram, fh *histogram.FloatHistogram) *hist {
	if h != nil {
		return &hist{Gauge: h.CounterResetHint == histogram.GaugeType, Schema: h.Schema, Count: strconv.FormatUint(h.Count, 10),
			ZeroCount: strconv.FormatUint(h.ZeroCount, 10), Sum: bits(h.Sum), ZeroThreshold: bits(h.ZeroThreshold),
			PositiveSpans: spans(h.PositiveSpans), NegativeSpans: spans(h.NegativeSpans),
			PositiveDeltas: append([]int64{}, h.PositiveBuckets...), NegativeDeltas: append([]int64{}, h.NegativeBuckets...),
			PositiveCounts: []string{}, NegativeCounts: []string{}, CustomValues: all(h.CustomValues)}
	}
	return &hist{Float: true, Gauge: fh.CounterResetHint == histogram.GaugeType, Schema: fh.Schema, Count: bits(fh.Count),
		ZeroCount: bits(fh.ZeroCount), Sum: bits(fh.Sum), ZeroThreshold: bits(fh.ZeroThreshold),
		PositiveSpans: spans(fh.PositiveSpans), NegativeSpans: spans(fh.NegativeSpans),
		PositiveDeltas: []int64{}, NegativeDeltas: []int64{},
		PositiveCounts: all(fh.PositiveBuckets), NegativeCounts: all(fh.NegativeBuckets), CustomValues: all(fh.CustomValues)}
}

// reduced is what scrape/target.go's appenders make of a histogram.
func reduced(r request, h *histogram.Histogram, fh *histogram.FloatHistogram) error {
	schema := func() *int32 {
		if h != nil {
			return &h.Schema
		}
		return &fh.Schema
	}()
	size := func() int {
		if h != nil {
			return len(h.PositiveBuckets) + len(h.NegativeBuckets)
		}
		return len(fh.PositiveBuckets) + len(fh.NegativeBuckets)
	}
	reduce := func(to int32) error {
		if h != nil {
			return h.ReduceResolution(to)
		}
		return fh.ReduceResolution(to)
	}
	if r.FinestSchema < histogram.ExponentialSchemaMax && histogram.IsExponentialSchemaReserved(*schema) && *schema > r.FinestSchema {
		if err := reduce(r.FinestSchema); err != nil {
			return err
		}
	}
	for r.BucketLimit > 0 && size() > r.BucketLimit {
		if !histogram.IsExponentialSchema(*schema) || *schema <= histogram.ExponentialSchemaMin {
			return errors.New("bucket limit")
		}
		if err := reduce(*schema - 1); err != nil {
			return err
		}
	}
	return nil
}

// taken: what the agent's storage takes of an exemplar.
func taken(e exemplar.Exemplar) bool {
	if _, twice := e.Labels.HasDuplicateLabelNames(); twice {
		return false
	}
	length, valid := 0, true
	e.Labels.WithoutEmpty().Range(func(l labels.Label) {
		length += utf8.RuneCountInString(l.Name) + utf8.RuneCountInString(l.Value)
		valid = valid && utf8.ValidString(l.Name) && utf8.ValidString(l.Value)
	})
	return valid && length <= exemplar.ExemplarMaxLabelSetLength
}

func parsed(r request) answer {
	parser, err := textparse.New(r.Body, r.Type, labels.NewSymbolTable(), textparse.ParserOptions{
		EnableTypeAndUnitLabels: r.TypeAndUnit, IgnoreNativeHistograms: !r.Native, ConvertClassicHistogramsToNHCB: r.Convert,
		KeepClassicOnClassicAndNativeHistograms: r.Classic, OpenMetricsSkipSTSeries: r.Starts})
	if parser == nil {
		return answer{Error: err.Error()}
	}
	a := answer{OK: true, Samples: []sample{}}
	seen := map[string]bool{}
	for {
		entry, err := parser.Next()
		if errors.Is(err, io.EOF) {
			return a
		}
		if err != nil {
			return answer{Error: err.Error()}
		}
		if entry != textparse.EntrySeries && entry != textparse.EntryHistogram {
			continue
		}
		var l labels.Labels
		s := sample{Timestamp: now, Exemplars: []example{}}
		var timestamp *int64
		if entry == textparse.EntrySeries {
			_, at, value := parser.Series()
			s.Value, timestamp = bits(value), at
		} else {
			_, at, h, fh := parser.Histogram()
			timestamp = at
			if h != nil {
				h = h.Copy()
				err = h.Validate()
			} else {
				fh = fh.Copy()
				err = fh.Validate()
			}
			if err == nil {
				err = reduced(r, h, fh)
			}
			if err != nil {
				return answer{Error: err.Error()}
			}
			s.Histogram = shown(h, fh)
		}
		parser.Labels(&l)
		s.Labels = l.Map()
		if !l.Has(labels.MetricName) || !l.IsValid(model.UTF8Validation) {
			return answer{Error: "invalid labels"}
		}
		if name, twice := l.HasDuplicateLabelNames(); twice {
			return answer{Error: "label twice: " + name}
		}
		if timestamp != nil {
			s.Timestamp = *timestamp
		}
		if r.Starts {
			s.Start = parser.StartTimestamp()
		}
		var exemplars []exemplar.Exemplar
		for e := (exemplar.Exemplar{}); parser.Exemplar(&e); e = (exemplar.Exemplar{}) {
			if !e.HasTs {
				if s.Histogram != nil {
					continue
				}
				e.Ts = s.Timestamp
			}
			if taken(e) {
				exemplars = append(exemplars, e)
			}
		}
		slices.SortStableFunc(exemplars, exemplar.Compare)
		for _, e := range exemplars {
			s.Exemplars = append(s.Exemplars, example{Labels: e.Labels.WithoutEmpty().Map(), Value: bits(e.Value), Timestamp: e.Ts})
		}
		if key := l.String(); timestamp == nil && seen[key] {
			continue
		} else {
			seen[key] = true
		}
		a.Samples = append(a.Samples, s)
	}
}

type maker struct{ *rand.Rand }

func (m maker) pick(texts ...string) string { return texts[m.Intn(len(texts))] }

func (m maker) value() float64 {
	return []float64{0, 1, 2.5, -3, 1e6, 1e-7, math.Inf(1), math.NaN(), 12345}[m.Intn(9)]
}

func (m maker) stamp() *timestamppb.Timestamp {
	switch m.Intn(4) {
	case 0:
		return nil
	case 1:
		return &timestamppb.Timestamp{Seconds: int64(m.Intn(2_000_000_000)), Nanos: int32(m.Intn(1e9))}
	}
	return &timestamppb.Timestamp{Seconds: 1_699_999_000 + int64(m.Intn(1000)), Nanos: int32(m.Intn(1e9))}
}

func (m maker) pairs(most int) []*dto.LabelPair {
	var out []*dto.LabelPair
	for i, n := 0, m.Intn(most+1); i < n; i++ {
		name := m.pick("a", "job", "é", "__type__", "__unit__", "code") + strconv.Itoa(i)
		if i == 0 && m.Intn(12) == 0 {
			name = m.pick("__type__", "__unit__")
		}
		out = append(out, &dto.LabelPair{Name: proto.String(name), Value: proto.String(m.pick("", "1", "x y", "ü", "\"q\"", "a\nb"))})
	}
	return out
}

func (m maker) exemplar() *dto.Exemplar {
	if m.Intn(2) == 0 {
		return nil
	}
	e := &dto.Exemplar{Value: proto.Float64(m.value()), Timestamp: m.stamp()}
	for i, n := 0, m.Intn(3); i < n; i++ {
		value := m.pick("abc", "", "é", "0123456789012345678901234567890123456789012345678901234567890123456789")
		e.Label = append(e.Label, &dto.LabelPair{Name: proto.String(m.pick("trace_id", "span_id", "x")), Value: proto.String(value)})
	}
	return e
}

func (m maker) side(float bool, total *uint64) (spans []*dto.BucketSpan, deltas []int64, counts []float64) {
	last := int64(0)
	for i, n := 0, m.Intn(4); i < n; i++ {
		offset := int32(m.Intn(5))
		if i == 0 {
			offset = int32(m.Intn(40) - 20)
		}
		length := uint32(m.Intn(6))
		spans = append(spans, &dto.BucketSpan{Offset: proto.Int32(offset), Length: proto.Uint32(length)})
		for range length {
			c := int64(m.Intn(3)) * int64(m.Intn(20))
			*total += uint64(c)
			if float {
				counts = append(counts, float64(c)*1.5)
			} else {
				deltas = append(deltas, c-last)
				last = c
			}
		}
	}
	return
}

// Of native histograms only the first of a family has exemplars: Prometheus does not find those of the next.
func (m maker) histogram(first bool) *dto.Histogram {
	h := &dto.Histogram{SampleSum: proto.Float64(m.value()), CreatedTimestamp: m.stamp()}
	native, float := m.Intn(3) > 0, m.Intn(3) == 0
	total := uint64(0)
	if native {
		h.Schema = proto.Int32(int32(m.Intn(13) - 4))
		h.ZeroThreshold = proto.Float64([]float64{0, 1e-128, 0.5}[m.Intn(3)])
		h.PositiveSpan, h.PositiveDelta, h.PositiveCount = m.side(float, &total)
		h.NegativeSpan, h.NegativeDelta, h.NegativeCount = m.side(float, &total)
		zero := uint64(m.Intn(4))
		total += zero
		if float {
			h.ZeroCountFloat = proto.Float64(float64(zero))
		} else {
			h.ZeroCount = proto.Uint64(zero)
		}
		for range m.Intn(3) {
			if e := m.exemplar(); e != nil && first {
				h.Exemplars = append(h.Exemplars, e)
			}
		}
	}
	if !native || m.Intn(2) == 0 {
		rest, below := total, uint64(0)
		if !native {
			total = uint64(m.Intn(50))
			rest = total
		}
		for i, n := 0, m.Intn(5); i < n; i++ {
			below += uint64(m.Intn(int(rest)/4 + 1))
			below = min(below, total)
			b := &dto.Bucket{UpperBound: proto.Float64([]float64{-1, 0, 0.005, 1, 10, 1e7}[i])}
			if first || !native {
				b.Exemplar = m.exemplar()
			}
			if float {
				b.CumulativeCountFloat = proto.Float64(float64(below) * 1.5)
			} else {
				b.CumulativeCount = proto.Uint64(below)
			}
			h.Bucket = append(h.Bucket, b)
		}
		if m.Intn(3) == 0 {
			b := &dto.Bucket{UpperBound: proto.Float64(math.Inf(1)), CumulativeCount: proto.Uint64(total)}
			if float {
				b.CumulativeCount, b.CumulativeCountFloat = nil, proto.Float64(float64(total)*1.5)
			}
			h.Bucket = append(h.Bucket, b)
		}
	}
	if m.Intn(20) == 0 {
		total++ // does not add up
	}
	if float {
		h.SampleCountFloat = proto.Float64(float64(total) * 1.5)
	} else {
		h.SampleCount = proto.Uint64(total)
	}
	return h
}

func (m maker) body() []byte {
	var out bytes.Buffer
	for i, n := 0, m.Intn(5); i < n; i++ {
		kind := dto.MetricType(m.Intn(6))
		f := &dto.MetricFamily{Name: proto.String(m.pick("f", "f.g", "requests_total", "é") + strconv.Itoa(i)), Type: &kind}
		if m.Intn(2) == 0 {
			f.Help = proto.String("what it \\is\n")
		}
		if m.Intn(3) == 0 {
			f.Unit = proto.String("seconds")
		}
		for j, metrics := 0, m.Intn(4); j < metrics; j++ {
			x := &dto.Metric{Label: append(m.pairs(3), &dto.LabelPair{Name: proto.String("nr"), Value: proto.String(strconv.Itoa(j))})}
			if m.Intn(4) == 0 {
				x.TimestampMs = proto.Int64(now - int64(m.Intn(100000)))
			}
			switch kind {
			case dto.MetricType_COUNTER:
				x.Counter = &dto.Counter{Value: proto.Float64(m.value()), Exemplar: m.exemplar(), CreatedTimestamp: m.stamp()}
			case dto.MetricType_GAUGE:
				x.Gauge = &dto.Gauge{Value: proto.Float64(m.value())}
			case dto.MetricType_UNTYPED:
				x.Untyped = &dto.Untyped{Value: proto.Float64(m.value())}
			case dto.MetricType_SUMMARY:
				x.Summary = &dto.Summary{SampleCount: proto.Uint64(uint64(m.Intn(9))), SampleSum: proto.Float64(m.value()), CreatedTimestamp: m.stamp()}
				for q := range m.Intn(3) {
					x.Summary.Quantile = append(x.Summary.Quantile, &dto.Quantile{Quantile: proto.Float64([]float64{0.5, 0.99, 1}[q]), Value: proto.Float64(m.value())})
				}
			default:
				x.Histogram = m.histogram(j == 0)
			}
			f.Metric = append(f.Metric, x)
		}
		if _, err := protodelim.MarshalTo(&out, f); err != nil {
			panic(err)
		}
	}
	return out.Bytes()
}

func do(r request) (a answer) {
	defer func() {
		if p := recover(); p != nil {
			a = answer{Error: "panic"}
		}
	}()
	if r.Op == "make" {
		return answer{OK: true, Body: maker{rand.New(rand.NewSource(r.Seed))}.body()}
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

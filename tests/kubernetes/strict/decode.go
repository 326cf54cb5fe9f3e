// Reads manifests from standard input with Kubernetes' own Go types and no mercy: an unknown or doubled field is an error.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/json"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes/scheme"
)

// The Prometheus operator's types are not among Kubernetes' own.
const foreignGroup = "monitoring.coreos.com/"

func main() {
	decoder := json.NewSerializerWithOptions(json.DefaultMetaFactory, scheme.Scheme, scheme.Scheme,
		json.SerializerOptions{Yaml: true, Strict: true})
	documents := yaml.NewYAMLReader(bufio.NewReader(os.Stdin))
	read, wrong := 0, 0
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		_, kind, err := decoder.Decode(document, nil, nil)
		if runtime.IsNotRegisteredError(err) && strings.HasPrefix(kind.GroupVersion().String()+"/", foreignGroup) {
			continue
		}
		read++
		if err != nil {
			wrong++
			fmt.Printf("%v: %v\n", kind, err)
		}
	}
	fmt.Printf("%d objects, %d wrong\n", read, wrong)
	if wrong > 0 || read == 0 {
		os.Exit(1)
	}
}

/* What is wrong in a sweep file is told with its line, its key and what was expected. */
#include "sweep_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#define TASK "task: {subtasks: [{function: square}]}\n"

struct fault {
    const char *text;
    int line;
    const char *parts[3]; /* all must stand in the message */
};

static const struct fault faults[] = {
    /* the document */
    {"", 1, {"empty"}},
    {"\n# only a comment\n", 1, {"empty"}},
    {"[1, 2]\n", 1, {"the file is a list", "keys such as name"}},
    {"word\n", 1, {"the file is 'word'", "keys such as name"}},
    {TASK "---\n" TASK, 2, {"second document", "one sweep"}},
    {TASK "model: {width: 3\n", 3, {"expected ',' or '}'", "line 2"}},
    {TASK "model: {width: \"3\n", 3, {"unexpected end of stream", "line 2"}},
    {TASK "model:\n\twidth: 3\n", 3, {"tab", "spaces"}},
    {TASK "model: {width: \"\xff\"}\n", 2, {"UTF-8"}},
    {"\xff\xfet\0a\0", 1, {"UTF-8"}},
    {TASK "name: \"a\\0b\"\n", 2, {"zero byte"}},
    {"a: &a [1]\nb: *a\n", 1, {"anchor", "plain values"}},
    {TASK "name: &a b\n", 2, {"anchor"}},
    {TASK "name: *a\n", 2, {"alias"}},
    {TASK "? [a]\n: b\n", 2, {"list or mapping as a key", "a word"}},
    {TASK "zip: [[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]\n", 2, {"nested deeper"}},
    /* keys */
    {TASK "model:\n  widht: 4\n", 3, {"unknown key 'model.widht'", "did you mean 'width'"}},
    {TASK "axis: {}\n", 2, {"unknown key 'axis'", "did you mean 'axes'"}},
    {TASK "zzzzzz: {}\n", 2, {"unknown key 'zzzzzz'", "expected keys such as name, seed"}},
    {"task:\n  subtasks:\n  - {function: square}\n  - function: cube\n    wieght: 2\n",
     5,
     {"task.subtasks.1.wieght", "did you mean 'weight'"}},
    {TASK "axes:\n  task.scle: {count: 3}\n",
     3,
     {"unknown key 'axes.task.scle'", "did you mean 'task.scale'"}},
    {TASK "axes:\n  width: {values: [3]}\n", 3, {"unknown key 'axes.width'", "did you mean 'model.width'"}},
    {TASK "axes:\n  task.scale: {valeus: [3]}\n", 3, {"axes.task.scale.valeus", "did you mean 'values'"}},
    {TASK "model: {width: 3}\nmodel: {depth: 1}\n", 3, {"'model' is given twice", "first on line 2"}},
    {TASK "model:\n  width: 3\n  width: 4\n", 4, {"'model.width' is given twice", "first on line 3"}},
    {TASK "axes:\n  seed: {count: 3}\n  seed: {count: 3}\n",
     4,
     {"'axes.seed' is given twice", "first on line 3"}},
    /* types and ranges */
    {TASK "model: 3\n", 2, {"model is '3'", "keys such as width"}},
    {TASK "model:\n", 2, {"model is empty", "keys such as width"}},
    {TASK "model: {width: [3]}\n", 2, {"model.width is a list", "integer from 1 to 4096"}},
    {TASK "model: {width: {a: 3}}\n", 2, {"model.width holds keys", "integer from 1 to 4096"}},
    {TASK "model:\n  width:\n", 3, {"model.width is empty", "integer from 1 to 4096"}},
    {TASK "model:\n  width: wide\n", 3, {"model.width is 'wide'", "integer from 1 to 4096"}},
    {TASK "model:\n  width: -3\n", 3, {"model.width is '-3'", "integer from 1 to 4096"}},
    {TASK "model:\n  width: 4097\n", 3, {"model.width is '4097'", "integer from 1 to 4096"}},
    {TASK "model:\n  width: 3.5\n", 3, {"model.width is '3.5'", "integer from 1 to 4096"}},
    {TASK "model:\n  width: 0x10\n", 3, {"model.width is '0x10'", "integer from 1 to 4096"}},
    {TASK "model:\n  width: .nan\n", 3, {"model.width is '.nan'", "integer from 1 to 4096"}},
    {"task: {subtasks: [{function: square, count: 200}, {function: cube, count: 57}]}\n",
     1,
     {"task.subtasks are more than 256", "expected fewer"}},
    {"task:\n  composition: control\n  subtasks: [{function: product}]\n  inputs: {variables: 1}\n",
     3,
     {"task.subtasks.0 takes 2 of 1 variables", "expected as many as there are"}},
    {TASK "model:\n  depth: 9\n", 3, {"model.depth is '9'", "expected an integer from 1 to 8"}},
    {TASK "model:\n  depth: 2\n  width: 2049\n",
     4,
     {"model.width is 2049", "at most 2048 where model.depth"}},
    {TASK "model:\n  activation: slu\n",
     3,
     {"model.activation is 'slu'", "one of silu", "did you mean silu"}},
    {TASK "train:\n  learning_rate: nan\n",
     3,
     {"train.learning_rate is 'nan'", "finite number of at least 0"}},
    {TASK "train:\n  learning_rate: .inf\n",
     3,
     {"train.learning_rate is '.inf'", "finite number of at least 0"}},
    {TASK "train:\n  learning_rate: 1e39\n",
     3,
     {"train.learning_rate is '1e39'", "finite number of at least 0"}},
    {TASK "train:\n  learning_rate: '1,5'\n",
     3,
     {"train.learning_rate is '1,5'", "finite number of at least 0"}},
    {TASK "train:\n  epsilon: 1e-60\n", 3, {"train.epsilon is '1e-60'", "finite number above 0"}},
    {TASK "train:\n  beta1: 1\n", 3, {"train.beta1 is '1'", "from 0 and below 1"}},
    {TASK "train:\n  batch: 0\n", 3, {"train.batch is '0'", "integer from 1 to 65536, or full"}},
    {TASK "train:\n  batch: fll\n", 3, {"train.batch is 'fll'", "did you mean full"}},
    {TASK "penalty:\n  biases: yes\n", 3, {"penalty.biases is 'yes'", "one of false, true"}},
    {TASK "seed: -1\n", 2, {"seed is '-1'", "integer from 0 to 9007199254740991"}},
    {TASK "seed: 9007199254740993\n",
     2,
     {"seed is '9007199254740993'", "to 9007199254740991"}}, /* a double has no such */
    {TASK "seed: 1e17\n", 2, {"seed is '1e17'", "integer from 0 to 9007199254740991"}},
    {TASK "name: ''\n", 2, {"name is empty"}},
    /* tasks */
    {"model: {width: 3}\n", 1, {"task.subtasks has 0 entries", "1 to 256"}},
    {"task:\n  subtasks: []\n", 2, {"task.subtasks has 0 entries", "1 to 256"}},
    {"task:\n  subtasks: square\n", 2, {"task.subtasks is 'square'", "a list"}},
    {"task:\n  subtasks:\n    - {weight: 1}\n", 3, {"task.subtasks.0.function is missing", "one of square"}},
    {"task:\n  subtasks:\n    - {function: sqare}\n",
     3,
     {"'sqare'", "one of square, cube", "did you mean square"}},
    {"task:\n  composition: serial\n  subtasks: [{function: cube}]\n",
     2,
     {"'serial'", "parallel, control, series", "did you mean series"}},
    {"task:\n  subtasks:\n  - series:\n    - {function: square}\n    - {function: product}\n",
     5,
     {"task.subtasks.1 follows in a series", "one input, not product"}},
    {"task:\n  subtasks:\n  - series:\n    - {function: parity}\n    - {function: sine}\n",
     4,
     {"task.subtasks.0 feeds another", "one value, not parity"}},
    {"task:\n  subtasks:\n  - {function: cube}\n  - series:\n    - {function: square, weight: 2}\n    - "
     "{function: "
     "sine}\n",
     5,
     {"task.subtasks.1.series.0.weight stands within a series", "beside it"}},
    {"task:\n  subtasks:\n  - function: cube\n    series: [{function: square}, {function: sine}]\n",
     3,
     {"task.subtasks.0.function stands beside a series"}},
    {"task:\n  subtasks:\n  - series: []\n", 3, {"task.subtasks.0.series has no entries"}},
    {"task:\n  subtasks:\n  - series:\n    - {function: square}\n    - {function: sine, frequncy: 2}\n",
     5,
     {"task.subtasks.0.series.1.frequncy", "did you mean 'frequency'"}},
    {"task:\n  composition: series\n  subtasks: [{series: [{function: cube}]}]\n",
     2,
     {"task.composition is series", "parallel where"}},
    {"task:\n  composition: series\n  subtasks:\n  - {function: cube, weight: 2}\n  - {function: sine}\n",
     4,
     {"task.subtasks.0.weight is given for an inner", "the last"}},
    {"task:\n  composition: series\n  subtasks:\n  - {function: cube}\n  - {function: sine, count: 2}\n",
     5,
     {"task.subtasks.1.count is given for a subtask of a series", "for none"}},
    {"task:\n  subtasks:\n  - series:\n    - {function: cube}\n    - {function: sine}\n"
     "axes: {task.subtasks.1.count: {values: [2]}}\n",
     6,
     {"axes.task.subtasks.1.count is given for a subtask of a series", "for none"}},
    {"task:\n  subtasks:\n  - {function: cube, feeds: true, count: 2}\n  - {function: sine}\n",
     3,
     {"task.subtasks.0.count is given for a subtask of a series", "for none"}},
    {"task:\n  subtasks:\n  - {function: cube, feeds: true}\n",
     3,
     {"task.subtasks.0 is the last", "one after it"}},
    {"task:\n  subtasks:\n  - {function: square, frequency: 2}\n",
     3,
     {"task.subtasks.0.frequency is given for task.subtasks.0.function square", "only with sine"}},
    {"task:\n  subtasks:\n  - {function: square}\n  - {function: cosine, frequency: -2e5}\n",
     4,
     {"task.subtasks.1 has frequency -200000, expected at most 31831 for cosine", "from -1 to 1"}},
    {"task:\n  inputs: {high: 1000}\n  subtasks:\n  - {function: squared_sine, frequency: 32}\n",
     4,
     {"task.subtasks.0 has frequency 32, expected at most 31.831 for squared_sine", "to 1000"}},
    {"task:\n  composition: control\n  subtasks:\n  - {function: cube, weight: 3e38, count: 2}\n",
     3,
     {"weights come to 6e+38 together, expected 1.17549e-38 to 3.40282e+38"}},
    {"task:\n  composition: control\n  subtasks:\n  - {function: cube, weight: 1e-40, count: 2}\n",
     3,
     {"weights come to 1.99999e-40 together, expected 1.17549e-38 to"}},
    {TASK "axes: {task.subtasks.0.bits: {values: [2]}}\n",
     2,
     {"bits is given for task.subtasks.0.function square", "only with parity"}},
    {TASK "train: {momentum: 0.9}\n",
     2,
     {"train.momentum is given for train.optimizer adam,", "only with sgd"}},
    {TASK "axes:\n  train.weight_decay: {values: [0, 1]}\n",
     3,
     {"axes.train.weight_decay is given for train.optimizer adam,", "only with adamw", "penalty.l2"}},
    {TASK "train: {optimizer: sgd, beta1: 0.9}\n", 2, {"train.beta1", "optimizer sgd", "only with adam"}},
    {TASK "train:\n  retrain: 50\n", 3, {"train.retrain is given for train.prune 0", "above 0"}},
    {TASK "axes:\n  train.prune_rounds: {values: [1, 2]}\n", 3, {"given for train.prune 0"}},
    {"task:\n  subtasks:\n  - {function: square, exponent: 1}\n  - {function: cube, exponent: 1}\n",
     3,
     {"task.subtasks.0.exponent is given for task.subtasks.0.count 1", "above 1"}},
    {TASK "model:\n  residual: true\n", 3, {"model.residual is given for model.depth 1", "above 1"}},
    {TASK "measure:\n  path_share: 0.1\n", 3, {"measure.path_share is given", "measured by layer"}},
    {TASK "axes:\n  seed: {count: 2}\n  measure.path_share: {values: [0.1, 0.2]}\n",
     4,
     {"axes.measure.path_share is given", "measured by layer"}},
    {TASK "model: {depth: 1}\naxes:\n  model.residual: {values: [false, true]}\n",
     4,
     {"axes.model.residual is given for model.depth 1"}},
    {TASK "penalty:\n  l1_step: proximal\n", 3, {"penalty.l1_step is given for penalty.l1 0", "above 0"}},
    {TASK "train: {prune: 0}\naxes:\n  train.retrain: {values: [1, 2]}\n",
     4,
     {"axes.train.retrain is given for train.prune 0"}},
    {TASK "axes:\n  train.optimizer: {values: [adam, adamw]}\n  train.momentum: {values: [0, 0.9]}\n",
     4,
     {"axes.train.momentum is given for train.optimizer adam and the like", "only with sgd"}},
    {"task:\n  subtasks: [{function: cube}]\n  inputs: {fresh: true}\ntrain: {batch: 8}\n"
     "axes:\n  task.inputs.samples: {values: [16, 32]}\n",
     6,
     {"axes.task.inputs.samples is given for task.inputs.fresh true", "only with false"}},
    {"task:\n  subtasks: [{function: parity}]\n  inputs:\n    low: 0\n",
     4,
     {"task.inputs.low is given for parity", "-1 and 1"}},
    {"task:\n  composition: series\n  subtasks:\n  - {function: cube, feeds: false}\n  - {function: sine}\n",
     4,
     {"task.subtasks.0.feeds is given for an inner", "true or none"}},
    {"task:\n  subtasks:\n  - series:\n    - {function: cube, feeds: false}\n    - {function: sine}\n",
     4,
     {"task.subtasks.0.feeds is given for an inner", "true or none"}},
    {"task:\n  subtasks: [{function: product}]\n  inputs: {variables: 3}\n",
     3,
     {"task.inputs.variables is given", "only with task.composition control"}},
    {"task:\n  subtasks: [{function: cube, count: 5}]\n  composition: control\nmeasure: {samples: 4}\n",
     4,
     {"measure.samples is 4", "each of the 5 subtasks"}},
    {"task:\n  subtasks: [{function: parity, bits: 1, count: 129}]\n",
     2,
     {"have 258 outputs", "at most 256"}},
    /* rows of a file */
    {"task:\n  data:\n    file: no such.csv\n", 3, {"no such.csv: No such file"}},
    {"task:\n  data: {target: y}\n", 2, {"task.data.file is missing"}},
    {"task:\n  data: {file: x.csv}\n  subtasks: [{function: cube}]\n", 3, {"stands beside task.data.file"}},
    {"task: {subtasks: [{function: data}]}\n", 1, {"task.subtasks.0 is data", "for nothing else"}},
    {"task:\n  subtasks: [{function: square, weight: 0}]\n", 2, {"weight 0", "above 0"}},
    /* rules between keys */
    {"task:\n  subtasks: [{function: cube}]\n  inputs:\n    low: 2\n    high: 1\n",
     5,
     {"task.inputs.high is 1", "above task.inputs.low (2)"}},
    {TASK "train:\n  steps: 50\n  warmup: 100\n", 4, {"train.warmup is 100", "at most train.steps (50)"}},
    {TASK "model: {width: 8}\ntrain:\n  prune: 9\n", 4, {"train.prune is 9", "at most model.width (8)"}},
    {TASK "train:\n  steps: 50\n  prune: 9\n  prune_rounds: 5\n  retrain: 46\n",
     6,
     {"train.retrain is 46", "at most train.steps (50) less train.prune_rounds (5)"}},
    {TASK "train:\n  prune_rounds: 0\n", 3, {"train.prune_rounds is '0'", "integer from 1 to 1000000000"}},
    {TASK "axes:\n  train.prune: {values: [0, 64, 65]}\n", 3, {"train.prune is 65", "(64)", "model 3 of 3"}},
    {TASK "train:\n  batch: 512\n", 3, {"train.batch is 512", "at most task.inputs.samples (256)"}},
    {TASK "axes:\n  train.steps: {values: [10, 100]}\n  train.warmup: {values: [0, 50]}\n",
     4,
     {"train.warmup is 50", "at most train.steps (10)", "model 2 of 4"}},
    /* axes */
    {TASK "axes: [seed]\n", 2, {"axes is a list", "keys such as"}},
    {TASK "axes:\n  seed: [1, 2]\n", 3, {"axes.seed is a list", "keys such as values, linear, log, count"}},
    {TASK "axes:\n  seed: {}\n", 3, {"axes.seed spans nothing", "values, linear, log or count"}},
    {TASK "axes:\n  seed: {values: []}\n", 3, {"axes.seed.values is an empty list", "at least one value"}},
    {TASK "axes:\n  seed: {values: 3}\n", 3, {"axes.seed.values is '3'", "a list"}},
    {TASK "axes:\n  seed: {values: [[3]]}\n", 3, {"axes.seed.values.0 is a list", "a single value"}},
    {TASK "axes:\n  model.width:\n    values:\n    - 3\n    - -3\n",
     6,
     {"values.1 is '-3'", "integer from 1 to 4096"}},
    {TASK "axes:\n  seed: {count: 0}\n", 3, {"axes.seed.count is '0'", "integer from 1 to 1000000000000"}},
    {TASK "axes:\n  seed: {count: -2}\n", 3, {"axes.seed.count is '-2'", "integer from 1"}},
    {TASK "axes:\n  seed: {count: 1e30}\n", 3, {"axes.seed.count is '1e30'", "integer from 1"}},
    {TASK "axes:\n  seed: {count: many}\n", 3, {"axes.seed.count is 'many'", "integer from 1"}},
    {TASK "axes:\n  seed: {count: 1e9}\n  task.scale: {linear: [0, 1], count: 1e9}\n",
     2,
     {"axes span more than 1000000000000 models"}},
    /* a value twice, however it is written */
    {TASK "axes:\n  model.width:\n    values:\n    - 4\n    - 8\n    - 4\n    - 8\n",
     7,
     {"axes.model.width has '4' twice", "each value once"}},
    {TASK "axes:\n  train.learning_rate: {values: [0.001, 1e-3]}\n",
     3,
     {"train.learning_rate has '0.001' twice"}},
    {TASK "axes:\n  model.activation: {values: [relu, silu, relu]}\n", 3, {"activation has 'relu' twice"}},
    {TASK "axes:\n  train.batch: {values: [full, 32, full]}\n", 3, {"train.batch has 'full' twice"}},
    {TASK "axes:\n  task.scale: {values: [0.1, 0.100000000001]}\n", 3, {"task.scale has '0.1' twice"}},
    {TASK "axes:\n  task.scale: {linear: [2, 2], count: 3}\n", 3, {"axes.task.scale has '2' twice"}},
    {TASK
     "axes:\n  seed: {values: [1, 1, 2]}\n  model.width: {values: [5, 5, 5]}\nzip: [[seed, model.width]]\n",
     3,
     {"axes.seed has '1' twice, zipped with the same"}},
    {TASK "axes:\n  model.width: {count: 3}\n",
     3,
     {"axes.model.width.start is '0'", "integer from 1 to 4096"}},
    {TASK "axes:\n  model.width: {count: 3, start: 4095}\n",
     3,
     {"count counts up to 4097", "integer from 1 to 4096"}},
    {TASK "axes:\n  seed: {values: [1], count: 1}\n", 3, {"axes.seed.count stands beside values"}},
    {TASK "axes:\n  seed: {linear: [1, 2], log: [1, 2], count: 2}\n", 3, {"axes.seed has several spans"}},
    {TASK "axes:\n  seed: {linear: [1, 2], count: 2, start: 1}\n",
     3,
     {"axes.seed.start goes with a count alone"}},
    {TASK "axes:\n  task.scale: {log: [1, 2]}\n", 3, {"axes.task.scale has no count"}},
    {TASK "axes:\n  task.scale: {log: [1], count: 4}\n",
     3,
     {"axes.task.scale.log does not hold two", "[first, last]"}},
    {TASK "axes:\n  task.scale: {log: [1, 2, 3], count: 4}\n", 3, {"axes.task.scale.log does not hold two"}},
    {TASK "axes:\n  task.scale: {log: [0, 8], count: 4}\n", 3, {"axes.task.scale.log", "above 0"}},
    {TASK "axes:\n  task.scale: {linear: [0, big], count: 4}\n", 3, {"linear.1 is 'big'", "a finite number"}},
    {TASK "axes:\n  task.inputs.samples: {linear: [1, 60000], count: 2e6}\n", 3, {"count is above 1000000"}},
    {TASK "axes:\n  model.activation: {values: [relu, tahn]}\n",
     3,
     {"values.1 is 'tahn'", "did you mean tanh"}},
    {TASK "axes:\n  train.batch: {values: [fll]}\n", 3, {"values.0 is 'fll'", "did you mean full"}},
    {TASK "axes:\n  model.activation: {linear: [relu, tanh], count: 2}\n",
     3,
     {"linear spans words", "values"}},
    {TASK "axes:\n  model.activation: {count: 2}\n", 3, {"count counts words", "values"}},
    {TASK "axes:\n  train.batch: {linear: [1, full], count: 9}\n",
     3,
     {"linear.1 is 'full', expected a number", "values"}},
    {TASK "axes:\n  train.batch: {count: 3, start: full}\n", 3, {"start is 'full', expected a number"}},
    {TASK "axes:\n  name: {values: [a, b]}\n", 3, {"unknown key 'axes.name'"}},
    {TASK "axes:\n  task.subtasks.1.weight: {values: [1]}\n", 3, {"names subtask 1", "below 1"}},
    {TASK "axes:\n  task.subtasks.256.weight: {values: [1]}\n",
     3,
     {"unknown key 'axes.task.subtasks.256.weight'"}},
    {TASK "axes:\n  model.depth: {values: [1, 9]}\n",
     3,
     {"axes.model.depth.values.1 is '9'", "expected an integer"}},
    /* zip */
    {TASK "axes:\n  seed: {count: 3}\n  task.scale: {log: [1, 8], count: 4}\nzip: [[seed, task.scale]]\n",
     5,
     {"seed with 3 values", "task.scale with 4"}},
    {TASK "axes: {seed: {count: 3}}\nzip:\n- [seed, sed]\n", 4, {"zip.0.1 is 'sed'", "did you mean seed"}},
    {TASK "axes: {seed: {count: 3}}\nzip:\n- [seed, model.width]\n", 4, {"'model.width'", "one of the axes"}},
    {TASK "axes: {seed: {count: 3}}\nzip: [[seed, seed]]\n", 3, {"zip.0.1 is 'seed'", "each axis once"}},
    {TASK "axes: {seed: {count: 3}, train.steps: {count: 3, start: 1}, model.width: {count: 3, start: 1}}\n"
          "zip: [[seed, train.steps],\n  [train.steps, model.width]]\n",
     4,
     {"zip.1.0 is 'train.steps'", "zipped already"}},
    {TASK "axes: {seed: {count: 3}}\nzip: [[seed]]\n", 3, {"zip.0 joins fewer than two"}},
    {TASK "zip: [[]]\n", 2, {"zip.0 joins fewer than two"}},
    {TASK "axes: {seed: {count: 3}}\nzip: [seed]\n", 3, {"zip.0 is not a list", "zip: [[axis, axis], ...]"}},
    {TASK "zip: seed\n", 2, {"zip is not a list"}},
    {TASK "zip: [[{a: b}, c]]\n", 2, {"zip.0.0 is not the name of an axis"}},
};

static size_t length_of(const struct fault *fault) {
    return *fault->text == '\xff' ? 6 : strlen(fault->text); /* the one in UTF-16 has zero bytes */
}

static void each_fault_is_told(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        const struct fault *fault = &faults[i];
        struct allometer_sweep *sweep = (struct allometer_sweep *)&sweep;
        struct allometer_error error = {0};
        enum allometer_code code =
            allometer_sweep_parse("some.yaml", fault->text, length_of(fault), &sweep, &error);
        char place[32];
        snprintf(place, sizeof place, "some.yaml:%d: ", fault->line);
        int told = code == ALLOMETER_BAD_INPUT && error.code == code && !sweep
                   && strncmp(error.message, place, strlen(place)) == 0;
        for (int part = 0; part < 3 && fault->parts[part]; part++)
            told = told && strstr(error.message, fault->parts[part]);
        if (!told) print_error("%s-> code %d: %s\n", fault->text, code, error.message);
        assert_true(told);
    }
}

/* However a good file is cut, it is refused or read, never more. */
static void truncated_files_are_refused_or_read(void **state) {
    (void)state;
    FILE *file = fopen(SOURCE_DIR "/experiments/example.yaml", "rb");
    assert_non_null(file);
    static char bytes[1 << 16];
    size_t n = fread(bytes, 1, sizeof bytes, file), n_read = 0;
    fclose(file);
    assert_in_range(n, 100, sizeof bytes - 1);
    for (size_t length = 0; length <= n; length++) {
        struct allometer_sweep *sweep;
        struct allometer_error error = {0};
        char *exact = malloc(length + 1); /* so that a sanitizer sees a read past the end */
        assert_non_null(exact);
        memcpy(exact, bytes, length);
        enum allometer_code code = allometer_sweep_parse("cut.yaml", exact, length, &sweep, &error);
        assert_true(code == ALLOMETER_OK || code == ALLOMETER_BAD_INPUT);
        if (code) assert_int_equal(strncmp(error.message, "cut.yaml:", 9), 0);
        n_read += code == ALLOMETER_OK;
        allometer_sweep_free(sweep);
        free(exact);
    }
    assert_in_range(n_read, 1, n - 1);
}

static void refuse_path(const char *path, const char *part) {
    struct allometer_sweep *sweep;
    struct allometer_error error = {0};
    assert_int_equal(allometer_sweep_load(path, &sweep, &error), ALLOMETER_BAD_INPUT);
    assert_null(sweep);
    assert_int_equal(strncmp(error.message, path, strlen(path)), 0);
    assert_non_null(strstr(error.message, part));
}

static void what_is_no_file_is_refused(void **state) {
    (void)state;
    refuse_path(BINARY_DIR "/no such sweep.yaml", "No such file");
    refuse_path(BINARY_DIR, "is a directory");
    refuse_path("/dev/null", "empty");
    refuse_path("/dev/zero", "longer than 4 MiB");
    refuse_path("/proc/self/exe", "is not text");
    if (geteuid() != 0) { /* root reads anything */
        char path[] = BINARY_DIR "/unreadable.yaml";
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        fclose(file);
        assert_int_equal(chmod(path, 0), 0);
        refuse_path(path, "Permission denied");
        remove(path);
    }
}

/* Of an unfit file no more is told than a message holds. */
static void what_is_quoted_is_short(void **state) {
    (void)state;
    static const char *const before[] = {
        "", TASK "model: ", TASK "model:\n  width: ", TASK "axes: {seed: {count: 2}}\nzip:\n- [seed, "};
    for (size_t i = 0; i < sizeof before / sizeof *before; i++) {
        char text[2048];
        struct allometer_sweep *sweep;
        struct allometer_error error = {0};
        snprintf(text, sizeof text, "%s%0900dx%s", before[i], 7, i == 3 ? "]" : "");
        assert_int_equal(allometer_sweep_parse("long.yaml", text, strlen(text), &sweep, &error),
                         ALLOMETER_BAD_INPUT);
        char zeros[128];
        snprintf(zeros, sizeof zeros, "%0101d", 0);
        assert_non_null(strstr(error.message, "'000"));
        assert_null(strstr(error.message, zeros));
        assert_non_null(strstr(error.message, "expected"));
    }
}

/* Doubling aliases would make 2^60 values of a few lines. */
static void a_bomb_of_aliases_is_refused(void **state) {
    (void)state;
    char text[4096] = "a0: &a0 [x, x]\n";
    for (int i = 1; i < 60; i++) {
        size_t length = strlen(text);
        snprintf(text + length, sizeof text - length, "a%d: &a%d [*a%d, *a%d]\n", i, i, i - 1, i - 1);
    }
    struct allometer_sweep *sweep;
    struct allometer_error error = {0};
    assert_int_equal(allometer_sweep_parse("bomb.yaml", text, strlen(text), &sweep, &error),
                     ALLOMETER_BAD_INPUT);
    assert_non_null(strstr(error.message, "bomb.yaml:1: an anchor"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_fault_is_told),           cmocka_unit_test(truncated_files_are_refused_or_read),
        cmocka_unit_test(what_is_no_file_is_refused),   cmocka_unit_test(what_is_quoted_is_short),
        cmocka_unit_test(a_bomb_of_aliases_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

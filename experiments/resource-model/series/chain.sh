# The second half of `run`: a chain of three, and the series of two without a penalty, pruned.
sweep chain.yaml chain <<END
axes:
  task.scale: {values: [80, 5120]}
  seed: {count: 2}
END
sweep pruned.yaml pruned <<END
axes:
  train.prune: {values: [3, 5]}
  task.inputs.high: {values: [0.5, 1]}
  seed: {count: 2}
END
table chain chain_models <<END
SELECT round("task.scale") AS alpha, seed, live AS neurons, live_ablation AS neurons_ablation, loss, train_loss
FROM results WHERE function = 'sine' AND status = 'done' AND live > 0 ORDER BY 1, 2;
END
table chain chain_layers <<END
SELECT round(i."task.scale") AS alpha, i.subtask, i.function, i.layer, avg(o.neurons_threshold) AS neurons, avg(abs(i.correlation)) AS most,
    avg(abs(i.least_correlation)) AS least, avg(i.readout_loss) AS readout_loss
FROM layers i JOIN layers o ON i.model = o.model AND i.layer = o.layer AND o.function = 'sine'
WHERE i.function <> 'sine' AND i.status = 'done' AND i.live > 0 GROUP BY 1, 2, 4 ORDER BY 1, 2, 4;
END
table pruned pruned <<END
SELECT "task.inputs.high" AS high, live AS neurons, seed, loss FROM results WHERE function = 'square_root' AND status = 'done' AND live > 0 ORDER BY 1, 2, 3;
END
counted=neurons
[ "$setting" != smoke ] || counted=neurons_ablation # in a moment of training none dies
power chain-loss "$results/chain_models.csv" $counted loss
power chain-training "$results/chain_models.csv" $counted train_loss
power chain-neurons "$results/chain_models.csv" alpha $counted
power pruned-loss "$results/pruned.csv" neurons loss --group high
{
    echo "| chain of three: exponent of | the paper | here | interval | fit |"
    echo "| --- | --- | --- | --- | --- |"
    echo "| loss against neurons | (two: $(slope paper | sed 's/ |.*//')) | $(slope chain-loss) | chain-loss |"
    echo "| training loss against neurons | | $(slope chain-training) | chain-training |"
    echo "| neurons against alpha | | $(slope chain-neurons) | chain-neurons |"
    echo
    sqlite3 -bail :memory: <<END
.import --csv "$results/chain_models.csv" model
.import --csv "$results/chain_layers.csv" layer
.import --csv "$results/pruned.csv" pruned
.mode list
SELECT '| alpha | neurons | loss | on training samples | layer | neurons there | g: most correlated | least | read-out leaves | sqrt(g): most correlated | least | read-out leaves |';
SELECT '| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |';
SELECT printf('| %d | %.1f | %.1e | %.1e | %s | %.1f | %.3f | %.3f | %.1e | %.3f | %.3f | %.1e |', g.alpha, m.n, m.loss, m.trained, g.layer, g.neurons,
    g.most, g.least, g.readout_loss, f.most, f.least, f.readout_loss)
FROM layer g JOIN layer f ON f.alpha = g.alpha AND f.layer = g.layer AND f.subtask = '1'
JOIN (SELECT alpha, avg(neurons) AS n, exp(avg(ln(loss))) AS loss,
    exp(avg(ln(train_loss))) AS trained FROM model GROUP BY alpha) m ON m.alpha = g.alpha
WHERE g.subtask = '0' ORDER BY CAST(g.alpha AS REAL), g.layer;
SELECT '';
SELECT '| series of two, no penalty, pruned: inputs up to | neurons | loss, geometric mean | least and greatest |';
SELECT '| --- | --- | --- | --- |';
SELECT printf('| %s | %.1f | %.1e | %.1e to %.1e |', high, avg(neurons), exp(avg(ln(loss))), min(CAST(loss AS REAL)), max(CAST(loss AS REAL)))
FROM pruned GROUP BY high, CAST(neurons AS INTEGER) / 4 ORDER BY high, avg(neurons);
END
    echo
} >>"$results/table.md"
figure chain

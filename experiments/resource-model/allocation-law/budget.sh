# The second half of `run`: networks that are pruned to a hard budget of neurons. Cases are numbered as in budget.awk.
sweep budget.yaml budget <<END
axes:
  train.prune: {values: [4, 8, 12]}
  model.activation: {values: [silu, silu, relu, relu]}
  penalty.l1: {values: [0, 1.0e-4, 0, 0]}
  penalty.l2: {values: [3.0e-4, 0, 3.0e-4, 0]}
  seed: {count: $seeds}
zip: [[model.activation, penalty.l1, penalty.l2]]
END
sweep division.yaml division <<END
axes:
  train.prune: {values: [12]}
  model.activation: {values: [silu, silu, silu, relu, relu]}
  penalty.l1: {values: [0, 1.0e-4, 1.0e-4, 1.0e-3, 1.0e-3]}
  penalty.l2: {values: [3.0e-4, 3.0e-4, 0, 3.0e-4, 0]}
  seed: {count: $seeds}
zip: [[model.activation, penalty.l1, penalty.l2]]
END
kind_of="CASE WHEN \"model.activation\" = 'relu' THEN 2 + 2 * (\"penalty.l2\" = 0)
    ELSE (\"penalty.l1\" > 0) + 2 * (\"penalty.l2\" = 0) END AS kind"
# Below half of the closed form, SiLU under l2 is on the other branch.
table budget budget <<END
SELECT *, seed + 1 AS place, kind = 0 AND loss < 0.5 * sqrt(8 * 3e-4 * 64.0 / (1225 * 9 * 144) / (64.0 * neurons)) AS other
FROM (SELECT $kind_of, "train.prune" AS neurons, seed, live, loss FROM results WHERE status = 'done' AND live > 0) ORDER BY 1, 2, 3;
END
table division division <<END
WITH subtask AS (SELECT *, $kind_of FROM results WHERE status = 'done')
SELECT a.kind, a."train.prune" AS neurons, a.seed, a.allocated_ablation AS neurons1, b.allocated_ablation AS neurons2,
    a.shared_ablation AS shared, a.allocated_ablation * 1.0 / b.allocated_ablation AS ratio, a.loss AS loss1, b.loss AS loss2
FROM subtask a JOIN subtask b ON b.model = a.model AND b.subtask = 1
WHERE a.subtask = 0 AND a.allocated_ablation > 0 AND b.allocated_ablation > 0 ORDER BY 1, 2, 3;
END
awk -v alpha=128 -v alpha2=256 -f "$here/budget.awk" >"$results/derived-budget.csv"
awk -F, 'NR == 1 || $2 ~ /^(4|6|8|12|16)$/ || $1 == 2 && $2 == 2' "$results/derived-budget.csv" >"$results/derived-alone.csv"

power budget-loss "$results/budget.csv" neurons loss --where other=0 --group kind
power budget-level "$results/budget.csv" place loss --where other=0 --group kind,neurons --fix b=0
power budget-derived "$results/derived-alone.csv" neurons loss --group kind
power budget-ratio "$results/division.csv" neurons2 ratio --group kind,neurons --fix b=0
{
    echo "| x^2 with N neurons | loss ~ N^-p | derived |"
    echo "| --- | --- | --- |"
    for kind in 0 3 2 4; do
        case $kind in
        0) name="SiLU, l2 = 3e-4" derived=$(slope budget-derived kind 0 | sed 's/ |.*//') ;;
        3) name="SiLU, l1 = 1e-4" derived="0: one pair is best" ;;
        2) name="ReLU, l2 = 3e-4" derived=$(slope budget-derived kind 2 | sed 's/ |.*//') ;;
        4) name="ReLU, no penalty" derived=$(slope budget-derived kind 2 | sed 's/ |.*//') ;;
        esac
        echo "| $name | $(slope budget-loss kind $kind | interval) | $derived |"
    done
    echo
    sqlite3 -bail :memory: <<END
.import --csv "$results/fits/budget-level.csv" level
.import --csv "$results/derived-budget.csv" derived
.mode list
CREATE VIEW told AS SELECT kind, CAST(neurons AS INTEGER) AS n, printf('%.2e (%.2e to %.2e)', a, a_lower, a_upper) AS loss FROM level;
CREATE VIEW should AS SELECT kind, CAST(neurons AS INTEGER) AS n, printf('%.2e', loss) AS loss FROM derived;
SELECT '| N | SiLU, l2 | derived | SiLU, l1 | ReLU, l2 | ReLU, no penalty | derived |';
SELECT '| --- | --- | --- | --- | --- | --- | --- |';
SELECT printf('| %d | %s | %s | %s | %s | %s | %s |', o.n, coalesce(s.loss, 'other branch'), a.loss, l.loss, r.loss, o.loss, b.loss)
FROM told o LEFT JOIN told s ON s.kind = '0' AND s.n = o.n LEFT JOIN told l ON l.kind = '3' AND l.n = o.n
LEFT JOIN told r ON r.kind = '2' AND r.n = o.n LEFT JOIN should a ON a.kind = '0' AND a.n = o.n
LEFT JOIN should b ON b.kind = '2' AND b.n = o.n WHERE o.kind = '4' ORDER BY o.n;
END
    echo
    sqlite3 -bail :memory: <<END
.import --csv "$results/division.csv" division
.import --csv "$results/derived-budget.csv" derived
.import --csv "$results/fits/budget-ratio.csv" ratio
.mode list
SELECT '| pruned to N, weights 4 : 1 | N | N1 | N2 | of them shared | N1/N2 | derived | loss 1 | loss 2 |';
SELECT '| --- | --- | --- | --- | --- | --- | --- | --- | --- |';
SELECT printf('| %s | %d | %.1f | %.1f | %.1f | %s | %s | %.1e | %.1e |',
    CASE d.kind WHEN 0 THEN 'SiLU, l2' WHEN 1 THEN 'SiLU, l1 and l2' WHEN 2 THEN 'ReLU, l1 and l2' WHEN 3 THEN 'SiLU, l1' ELSE 'ReLU, l1' END,
    d.neurons, avg(neurons1), avg(neurons2), avg(shared), coalesce(max(printf('%.2f (%.2f to %.2f)', r.a, r.a_lower, r.a_upper)), '-'),
    CASE WHEN max(e.ratio) IS NULL THEN 'any' ELSE printf('%.2f', max(e.ratio)) END, exp(avg(ln(d.loss1))), exp(avg(ln(d.loss2))))
FROM division d LEFT JOIN ratio r ON r.kind = d.kind AND r.neurons = d.neurons
LEFT JOIN derived e ON e.kind = CASE d.kind WHEN 4 THEN '2' ELSE d.kind END AND e.neurons = d.neurons
GROUP BY d.kind, CAST(d.neurons AS INTEGER) ORDER BY CAST(d.kind AS INTEGER), CAST(d.neurons AS INTEGER);
END
    echo
} >"$results/budget.md"
figure budget

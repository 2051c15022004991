// Every kernel that the launchers launch, for whoever runs them without a device.
#pragma once

#include "beside_op.hpp"
#include "class_op.hpp"
#include "column_op.hpp"
#include "convert_op.hpp"
#include "eigen_op.hpp"
#include "look_op.hpp"
#include "narrow_op.hpp"
#include "own_scale_op.hpp"
#include "part_op.hpp"
#include "pool_op.hpp"
#include "position_op.hpp"
#include "residual_op.hpp"
#include "shift_op.hpp"
#include "slice_op.hpp"
#include "square_op.hpp"
#include "unit_op.hpp"

namespace collapscope::kernels {

// Calls visit.template items<Op>(), rows<Op>(), steps<Op>(), tiles<Op>() or columns<Op>() for the Op of every
// kernel.
template <class Visit>
void for_each_kernel(Visit&& visit) {
  visit.template rows<ConvertRows<1>>();
  visit.template rows<ConvertRows<2>>();
  visit.template columns<UnitRows<1>>();
  visit.template columns<UnitRows<2>>();
  visit.template rows<OwnScaleRows>();
  visit.template rows<PoolRows>();
  visit.template columns<PositionRows>();
  visit.template rows<BesideRows>();

  visit.template columns<StoredChunkSums<1>>();
  visit.template columns<StoredChunkSums<2>>();
  visit.template rows<StoredMeans>();
  visit.template columns<ChunkSums>();
  visit.template rows<ColumnTotals>();

  visit.template rows<OutsideRows<1>>();
  visit.template rows<OutsideRows<2>>();
  visit.template rows<MapErrors>();
  visit.template items<MarkAtMost>();
  visit.template tiles<LookRows<1, 4>>();
  visit.template tiles<LookRows<1, 8>>();
  visit.template tiles<LookRows<1, 12>>();
  visit.template tiles<LookRows<1, 16>>();
  visit.template tiles<LookRows<1, most_look_directions>>();
  visit.template tiles<LookRows<2, 4>>();
  visit.template tiles<LookRows<2, 8>>();
  visit.template tiles<LookRows<2, 12>>();
  visit.template tiles<LookRows<2, 16>>();
  visit.template tiles<LookRows<2, most_look_directions>>();

  visit.template columns<SubtractRow>();
  visit.template items<SumSlices>();
  visit.template items<MirrorLower>();
  visit.template items<PartMeans>();
  visit.template columns<BetweenParts>();
  visit.template items<OffsetMeans>();
  visit.template items<DivideTwice>();
  visit.template columns<ScaleRows>();
  visit.template items<ShiftDiagonal>();
  visit.template columns<PartOffsets>();

  visit.template columns<ClassChunkSums>();
  visit.template columns<ClassRunSums>();
  visit.template rows<ClassRests>();
  visit.template steps<BestVectors<true>>();
  visit.template steps<BestVectors<false>>();
  visit.template items<CountNearest>();

  visit.template columns<NarrowRows>();
  visit.template columns<ChunkSquares>();
  visit.template rows<SquareTotals>();
  visit.template rows<ChooseScale>();
  visit.template items<SumFloatSlices>();
}

}  // namespace collapscope::kernels

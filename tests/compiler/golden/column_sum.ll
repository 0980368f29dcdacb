declare <16 x float> @llvm.fma.v16f32(<16 x float>, <16 x float>, <16 x float>)
declare <16 x float> @llvm.masked.load.v16f32.p0(ptr, i32, <16 x i1>, <16 x float>)
declare void @llvm.masked.store.v16f32.p0(<16 x float>, ptr, i32, <16 x i1>)
define void @kernel(ptr noalias %slots, ptr noalias %rec, i64 %begin, i64 %end, ptr %share) {
entry:
  %v1 = getelementptr i64, ptr %rec, i64 6
  %v2 = load i64, ptr %v1, align 8, !invariant.load !0
  %v3 = getelementptr i64, ptr %rec, i64 7
  %v4 = load i64, ptr %v3, align 8, !invariant.load !0
  %v5 = getelementptr i64, ptr %rec, i64 8
  %v6 = load i64, ptr %v5, align 8, !invariant.load !0
  %v7 = getelementptr i64, ptr %rec, i64 9
  %v8 = load i64, ptr %v7, align 8, !invariant.load !0
  %v9 = getelementptr i64, ptr %rec, i64 10
  %v10 = load i64, ptr %v9, align 8, !invariant.load !0
  %v11 = getelementptr i64, ptr %rec, i64 11
  %v12 = load i64, ptr %v11, align 8, !invariant.load !0
  %v13 = getelementptr i64, ptr %rec, i64 12
  %v14 = load i64, ptr %v13, align 8, !invariant.load !0
  %v15 = getelementptr i64, ptr %rec, i64 2
  %v16 = load i64, ptr %v15, align 8, !invariant.load !0
  %v17 = getelementptr ptr, ptr %slots, i64 %v16
  %v18 = load ptr, ptr %v17, align 8, !invariant.load !0
  %v19 = getelementptr i64, ptr %rec, i64 3
  %v20 = load i64, ptr %v19, align 8, !invariant.load !0
  %v21 = getelementptr ptr, ptr %slots, i64 %v20
  %v22 = load ptr, ptr %v21, align 8, !invariant.load !0
  %v23 = getelementptr i64, ptr %rec, i64 5
  %v24 = load i64, ptr %v23, align 8, !invariant.load !0
  %v25 = getelementptr ptr, ptr %slots, i64 %v24
  %v26 = load ptr, ptr %v25, align 8, !invariant.load !0
  %v27 = getelementptr i64, ptr %rec, i64 1
  %v28 = load i64, ptr %v27, align 8, !invariant.load !0
  %v29 = getelementptr i64, ptr %rec, i64 0
  %v30 = load i64, ptr %v29, align 8, !invariant.load !0
  %v31 = getelementptr i64, ptr %rec, i64 4
  %v32 = load i64, ptr %v31, align 8, !invariant.load !0
  %v33 = mul i64 %begin, %v2
  %v34 = mul i64 %end, %v2
  %v35 = icmp slt i64 %v34, %v4
  %v36 = select i1 %v35, i64 %v34, i64 %v4
  %v37 = icmp slt i64 %v33, %v36
  br i1 %v37, label %start3, label %finished2
start3:
  %v38 = udiv i64 %v33, %v6
  %v39 = mul i64 %v38, %v6
  %v40 = sub i64 %v33, %v39
  br label %unit1
unit1:
  %p41 = phi i64 [%v33, %start3], [%v100, %end9]
  %p42 = phi i64 [%v40, %start3], [%v101, %end9]
  %v43 = mul i64 %p42, %v8
  %v44 = add i64 %v43, %v8
  %v45 = icmp slt i64 %v44, %v10
  %v46 = select i1 %v45, i64 %v44, i64 %v10
  %v47 = sub i64 %v46, %v43
  %v48 = and i64 %v47, -16
  %v49 = add i64 %v43, %v48
  %v50 = icmp slt i64 %v43, %v49
  br i1 %v50, label %loop4, label %done5
loop4:
  %p51 = phi i64 [%v43, %unit1], [%v71, %done7]
  %v52 = icmp slt i64 0, %v12
  br i1 %v52, label %loop6, label %done7
loop6:
  %p53 = phi i64 [0, %loop4], [%v64, %loop6]
  %p54 = phi <16 x float> [<float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000>, %loop4], [%v63, %loop6]
  %v55 = mul i64 %p53, %v30
  %v56 = add i64 %v28, %v55
  %v57 = add i64 %v56, %p51
  %v58 = getelementptr float, ptr %v18, i64 %v57
  %v59 = load <16 x float>, ptr %v58, align 4
  %v60 = add i64 %v56, %p51
  %v61 = getelementptr float, ptr %v22, i64 %v60
  %v62 = load <16 x float>, ptr %v61, align 4
  %v63 = call <16 x float> @llvm.fma.v16f32(<16 x float> %v59, <16 x float> %v62, <16 x float> %p54)
  %v64 = add i64 %p53, 1
  %v65 = icmp slt i64 %v64, %v12
  br i1 %v65, label %loop6, label %done7
done7:
  %p66 = phi <16 x float> [<float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000>, %loop4], [%v63, %loop6]
  %v67 = add i64 %v32, %p51
  %v68 = getelementptr float, ptr %v26, i64 %v67
  store <16 x float> %p66, ptr %v68, align 4
  %v69 = add i64 %p51, 16
  %v70 = icmp slt i64 %v69, %v49
  %v71 = call i64 asm "", "=r,0"(i64 %v69)
  br i1 %v70, label %loop4, label %done5
done5:
  %v72 = icmp slt i64 %v49, %v46
  br i1 %v72, label %tail8, label %end9
tail8:
  %v73 = sub i64 %v46, %v49
  %v74 = trunc i64 %v73 to i32
  %v75 = insertelement <16 x i32> poison, i32 %v74, i64 0
  %v76 = shufflevector <16 x i32> %v75, <16 x i32> poison, <16 x i32> zeroinitializer
  %v77 = icmp slt <16 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7, i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15>, %v76
  %v78 = icmp slt i64 0, %v12
  br i1 %v78, label %loop10, label %done11
loop10:
  %p79 = phi i64 [0, %tail8], [%v90, %loop10]
  %p80 = phi <16 x float> [<float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000>, %tail8], [%v89, %loop10]
  %v81 = mul i64 %p79, %v30
  %v82 = add i64 %v28, %v81
  %v83 = add i64 %v82, %v49
  %v84 = getelementptr float, ptr %v18, i64 %v83
  %v85 = call <16 x float> @llvm.masked.load.v16f32.p0(ptr %v84, i32 4, <16 x i1> %v77, <16 x float> zeroinitializer)
  %v86 = add i64 %v82, %v49
  %v87 = getelementptr float, ptr %v22, i64 %v86
  %v88 = call <16 x float> @llvm.masked.load.v16f32.p0(ptr %v87, i32 4, <16 x i1> %v77, <16 x float> zeroinitializer)
  %v89 = call <16 x float> @llvm.fma.v16f32(<16 x float> %v85, <16 x float> %v88, <16 x float> %p80)
  %v90 = add i64 %p79, 1
  %v91 = icmp slt i64 %v90, %v12
  br i1 %v91, label %loop10, label %done11
done11:
  %p92 = phi <16 x float> [<float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000, float 0x0000000000000000>, %tail8], [%v89, %loop10]
  %v93 = add i64 %v32, %v49
  %v94 = getelementptr float, ptr %v26, i64 %v93
  call void @llvm.masked.store.v16f32.p0(<16 x float> %p92, ptr %v94, i32 4, <16 x i1> %v77)
  br label %end9
end9:
  %v95 = add i64 %p41, 1
  %v96 = add i64 %p42, 1
  %v97 = icmp eq i64 %v96, %v6
  %v98 = select i1 %v97, i64 0, i64 %v96
  %v99 = icmp slt i64 %v95, %v36
  %v100 = call i64 asm "", "=r,0"(i64 %v95)
  %v101 = call i64 asm "", "=r,0"(i64 %v98)
  br i1 %v99, label %unit1, label %finished2
finished2:
  ret void
}
!0 = !{}
